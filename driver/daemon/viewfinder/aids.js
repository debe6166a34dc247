// Draws a camera's frames with WebGL, and over them what helps to focus and to expose: peaking, zebra, false
// colour and the loupe.

import { FALSE_COLOURS } from "./measure.js";

const VERTEX = `#version 300 es
in vec2 corner;
out vec2 place;
void main() {
  // Pictures begin at the top, WebGL at the bottom.
  place = vec2(corner.x, 1.0 - corner.y);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

const glslFloat = (value) => value.toFixed(4);
const BANDS = FALSE_COLOURS.map(({ from, colour }) => {
  const value = colour ? `vec3(${colour.map(glslFloat).join(", ")})` : "vec3(level)";
  return `  if (level >= ${glslFloat(from)}) colour = ${value};`;
}).join("\n");

const FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D picture;
uniform vec2 canvasSize;      // in its own pixels
uniform vec2 pictureSize;     // in texels
uniform float peaking;        // threshold of the gradient, 0: off
uniform vec3 peakingColour;
uniform float zebra;          // level, 0: off
uniform float falseColour;    // 1: on
uniform vec4 loupe;           // centre on the canvas, and the place that it shows, 0 to 1 both
uniform vec2 loupeShape;      // radius in canvas pixels, 0: off; magnification
uniform float stripe;         // width of a zebra stripe in canvas pixels
in vec2 place;
out vec4 result;

float lumaAt(vec2 at) {
  return dot(textureLod(picture, at, 0.0).rgb, vec3(0.2126, 0.7152, 0.0722));
}

float gradientAt(vec2 at) {
  vec2 texel = 1.0 / pictureSize;
  float across = lumaAt(at + vec2(texel.x, 0.0)) - lumaAt(at - vec2(texel.x, 0.0));
  float down = lumaAt(at + vec2(0.0, texel.y)) - lumaAt(at - vec2(0.0, texel.y));
  return length(vec2(across, down)) * 0.5;
}

vec3 falseColourOf(float level) {
  vec3 colour = vec3(level);
${BANDS}
  return colour;
}

void main() {
  vec2 at = place;
  vec2 footprint = pictureSize / canvasSize;
  vec2 pixel = place * canvasSize;
  float fromLoupe = loupeShape.x > 0.0 ? distance(pixel, loupe.xy * canvasSize) - loupeShape.x : 1.0;
  if (fromLoupe < 0.0) {
    at = loupe.zw + (place - loupe.xy) / loupeShape.y;
    footprint /= loupeShape.y;
  }
  float lod = max(0.0, log2(max(footprint.x, footprint.y)));
  vec3 colour = textureLod(picture, at, lod).rgb;
  float level = dot(colour, vec3(0.2126, 0.7152, 0.0722));
  if (falseColour > 0.5) colour = falseColourOf(level);
  if (zebra > 0.0 && level >= zebra && mod(pixel.x + pixel.y, stripe * 2.0) < stripe) {
    colour = vec3(0.05);
  }
  if (peaking > 0.0) {
    // Sharpness is in the sensor's own pixels, which a small canvas would average away: look at several of
    // those that are under this one, and take the sharpest.
    vec2 offset = 0.25 * max(footprint, vec2(1.0)) / pictureSize;
    float gradient = max(
      max(gradientAt(at + offset), gradientAt(at - offset)),
      max(gradientAt(at + offset * vec2(1.0, -1.0)), gradientAt(at + offset * vec2(-1.0, 1.0))));
    colour = mix(colour, peakingColour, smoothstep(peaking, peaking * 1.4, gradient));
  }
  if (any(lessThan(at, vec2(0.0))) || any(greaterThan(at, vec2(1.0)))) colour = vec3(0.08);
  if (loupeShape.x > 0.0) {
    float ring = smoothstep(0.0, 1.5, fromLoupe + 3.0) * (1.0 - smoothstep(0.0, 1.5, fromLoupe));
    colour = mix(colour, vec3(0.92), ring);
  }
  result = vec4(colour, 1.0);
}`;

export const PEAKING_COLOURS = {
  red: [1, 0.18, 0.12],
  yellow: [1, 0.88, 0.1],
  green: [0.2, 1, 0.3],
  blue: [0.25, 0.55, 1],
  white: [1, 1, 1],
};

/** No aids at all. */
export const PLAIN = {
  peaking: 0,
  peakingColour: PEAKING_COLOURS.red,
  zebra: 0,
  falseColour: false,
  loupe: null,
};

function compile(gl, kind, source) {
  const shader = gl.createShader(kind);
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  return shader;
}

function build(gl) {
  const program = gl.createProgram();
  gl.attachShader(program, compile(gl, gl.VERTEX_SHADER, VERTEX));
  gl.attachShader(program, compile(gl, gl.FRAGMENT_SHADER, FRAGMENT));
  gl.bindAttribLocation(program, 0, "corner");
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
  gl.useProgram(program);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
  gl.enableVertexAttribArray(0);
  gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
  const at = (name) => gl.getUniformLocation(program, name);
  return {
    canvasSize: at("canvasSize"),
    pictureSize: at("pictureSize"),
    peaking: at("peaking"),
    peakingColour: at("peakingColour"),
    zebra: at("zebra"),
    falseColour: at("falseColour"),
    loupe: at("loupe"),
    loupeShape: at("loupeShape"),
    stripe: at("stripe"),
  };
}

/**
 * What draws on a canvas: `upload(bitmap)` gives it a frame, `draw(aids)` shows it, `aids` being like `PLAIN`
 * and `aids.loupe` `{x, y, ofX, ofY, radius, zoom}`. Without WebGL 2 frames are shown without aids; `hasAids`
 * says so.
 */
export function createRenderer(canvas) {
  const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false });
  let uniforms = gl && build(gl);
  if (!uniforms) return createPlainRenderer(canvas, gl);

  let size = null;
  let lost = false;
  canvas.addEventListener("webglcontextlost", (event) => {
    event.preventDefault();
    lost = true;
  });
  canvas.addEventListener("webglcontextrestored", () => {
    uniforms = build(gl);
    size = null;
    lost = uniforms === null;
  });

  return {
    hasAids: true,
    upload(bitmap) {
      if (lost) return;
      if (size && size.width === bitmap.width && size.height === bitmap.height) {
        gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
      } else {
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
      }
      gl.generateMipmap(gl.TEXTURE_2D);
      size = { width: bitmap.width, height: bitmap.height };
    },
    draw(aids) {
      if (lost || !size || !canvas.width || !canvas.height) return;
      const density = canvas.width / Math.max(1, canvas.clientWidth);
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.uniform2f(uniforms.canvasSize, canvas.width, canvas.height);
      gl.uniform2f(uniforms.pictureSize, size.width, size.height);
      gl.uniform1f(uniforms.peaking, aids.peaking);
      gl.uniform3fv(uniforms.peakingColour, aids.peakingColour);
      gl.uniform1f(uniforms.zebra, aids.zebra);
      gl.uniform1f(uniforms.falseColour, aids.falseColour ? 1 : 0);
      gl.uniform1f(uniforms.stripe, 4 * density);
      const loupe = aids.loupe;
      gl.uniform4f(uniforms.loupe, loupe?.x ?? 0, loupe?.y ?? 0, loupe?.ofX ?? 0, loupe?.ofY ?? 0);
      gl.uniform2f(uniforms.loupeShape, (loupe?.radius ?? 0) * density, loupe?.zoom ?? 1);
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    },
  };
}

/** Frames as they are, for browsers without WebGL 2. */
function createPlainRenderer(canvas, gl) {
  let target = canvas;
  if (gl) {
    // A canvas keeps the kind of its first context.
    target = canvas.cloneNode();
    canvas.replaceWith(target);
  }
  const context = target.getContext("2d", { alpha: false });
  let last = null;
  return {
    hasAids: false,
    canvas: target,
    upload(bitmap) {
      last ??= document.createElement("canvas");
      last.width = bitmap.width;
      last.height = bitmap.height;
      last.getContext("2d").drawImage(bitmap, 0, 0);
    },
    draw() {
      if (last && target.width) context.drawImage(last, 0, 0, target.width, target.height);
    },
  };
}
