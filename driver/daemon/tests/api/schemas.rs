//! The description tells the truth: whatever is answered has the shape that `openapi.json` gives it.

use crate::board::{Board, LIMIT};
use crate::event_loop::{RECORDING, ended, frame, recording, status};
use bayonet_daemon::report::{CameraName, Capture, Event, Picture, Values};
use serde_json::{Value, json};

/// Complains where a value is not what a schema says.
struct Schemas(Value);

impl Schemas {
    async fn of(board: &Board) -> Self {
        Self(board.get("/v1/openapi.json").await)
    }

    fn check(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let mut root = schema.clone();
        root["components"] = self.0["components"].clone();
        let validator = jsonschema::draft202012::new(&root).expect("a schema");
        let errors: Vec<_> = validator
            .iter_errors(value)
            .map(|e| e.to_string())
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors.join("; "))
        }
    }

    /// The schema of an operation's answer.
    fn answer(&self, path: &str, method: &str, status: &str) -> &Value {
        let answer = &self.0["paths"][path][method]["responses"][status];
        let schema = &answer["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{method} {path} {status} has no schema");
        schema
    }

    fn named(&self, name: &str) -> Value {
        assert!(
            self.0["components"]["schemas"][name].is_object(),
            "there is no {name}"
        );
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }
}

#[tokio::test]
async fn answers_have_the_shape_of_the_description() {
    let board = Board::start().await;
    let schemas = Schemas::of(&board).await;
    let capture = json!({ "cameras": ["main", "mount"], "format": "png" });
    let lens = json!({ "profile": "x" });
    let controls = json!({ "ExposureTime": 1 });
    let record = json!({ "cameras": ["main"], "frames": 250, "seconds": 1.5 });
    let recordings = "/v1/recordings";
    let camera = "/v1/cameras/{camera}";
    for (method, path, request, status) in [
        ("GET", "/v1/status".into(), None, "200"),
        ("GET", "/v1/module".into(), None, "200"),
        ("PUT", "/v1/module/lens".into(), Some(lens), "200"),
        ("DELETE", "/v1/module/lens".into(), None, "200"),
        ("GET", "/v1/cameras".into(), None, "200"),
        ("GET", camera.to_string(), None, "200"),
        ("GET", format!("{camera}/capabilities"), None, "200"),
        ("GET", format!("{camera}/controls"), None, "200"),
        ("PATCH", format!("{camera}/controls"), Some(controls), "200"),
        ("POST", "/v1/captures".into(), Some(capture), "201"),
        ("GET", "/v1/captures".into(), None, "200"),
        ("GET", recordings.into(), None, "200"),
        ("POST", recordings.into(), Some(record), "201"),
        ("GET", "/v1/status".into(), None, "200"),
        ("GET", recordings.into(), None, "200"),
        ("GET", format!("{recordings}/{{name}}"), None, "200"),
        ("POST", format!("{recordings}/{{name}}/stop"), None, "200"),
        ("GET", "/v1/lenses".into(), None, "200"),
        ("GET", "/v1/lenses/{name}".into(), None, "200"),
        ("GET", "/v1/openapi.json".into(), None, "200"),
    ] {
        let path: String = path;
        let lower = method.to_lowercase();
        if let Some(request) = &request {
            let content = &schemas.0["paths"][&path][&lower]["requestBody"]["content"];
            let schema = &content["application/json"]["schema"];
            schemas
                .check(schema, request)
                .unwrap_or_else(|error| panic!("{path}: {error}"));
        }
        let name = if path.starts_with(recordings) {
            RECORDING
        } else {
            "test-50-f2"
        };
        let uri = path.replace("{camera}", "mount").replace("{name}", name);
        let sent = board.send(method, &uri, request.into()).await;
        let answer = sent.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let schema = schemas.answer(&path, &lower, status);
        let checked = schemas.check(schema, &answer);
        checked.unwrap_or_else(|error| panic!("{method} {path}: {error}\n{answer:#}"));
    }
}

#[tokio::test]
async fn events_frames_and_errors_have_the_shape_of_the_description() {
    let board = Board::start().await;
    let schemas = Schemas::of(&board).await;
    let capture = Capture {
        name: "20261122T203453.120Z".into(),
        pictures: vec![Picture {
            camera: CameraName::Main,
            file: "20261122T203453.120Z-main.jpg".into(),
            bytes: 5,
            frame: frame(1),
        }],
    };
    let mut module = status().module;
    module.reason = Some("a process holds it".into());
    let mut events = board.client.stream("/v1/events", LIMIT).await.unwrap();
    let told = [
        Event::Module(module),
        Event::Camera(status().cameras[1].clone()),
        Event::Controls {
            camera: CameraName::Main,
            values: Values::new(),
        },
        Event::Shutter,
        Event::Capture(capture),
        Event::CaptureFailed {
            reason: "full".into(),
        },
        Event::Recording(recording(&CameraName::ALL)),
        Event::Recording(ended(recording(&[CameraName::Main]))),
        Event::Lagged { missed: 3 },
    ];
    let count = told.len();
    told.into_iter()
        .for_each(|event| board.event_loop.tell(event));
    // The first is the status.
    for _ in 0..=count {
        let message = events.next().await.unwrap().unwrap();
        let value: Value = serde_json::from_str(&message.data).unwrap();
        assert_eq!(value["event"], message.event);
        let checked = schemas.check(&schemas.named("Event"), &value);
        checked.unwrap_or_else(|error| panic!("{value}: {error}"));
    }
    let frame = serde_json::to_value(frame(1)).unwrap();
    schemas.check(&schemas.named("Frame"), &frame).unwrap();
    let error = board.request("GET /nowhere", "", b"").await;
    let (_, error) = error.split_once("\r\n\r\n").unwrap();
    schemas
        .check(
            &schemas.named("Error"),
            &serde_json::from_str(error).unwrap(),
        )
        .unwrap();
}

/// A schema that takes everything would make the tests above worthless.
#[tokio::test]
async fn wrong_values_do_not_have_the_shape() {
    let board = Board::start().await;
    let schemas = Schemas::of(&board).await;
    let status = board.get("/v1/status").await;
    for (pointer, wrong) in [
        ("/module/state", json!("gone")),
        ("/module/lens/code", json!(64)),
        ("/module/plugs", json!(-1)),
        ("/cameras/0/name", json!("left")),
        ("/cameras/0/stream", json!("NV12")),
        ("/version", json!(null)),
    ] {
        let mut status = status.clone();
        *status.pointer_mut(pointer).expect(pointer) = wrong;
        schemas
            .check(&schemas.named("Status"), &status)
            .expect_err(pointer);
    }
    let mut more = status.clone();
    more["module"]["more"] = json!(1);
    schemas
        .check(&schemas.named("Status"), &more)
        .expect_err("a field more");
    for (name, wrong) in [
        ("Event", json!({ "event": "nothing" })),
        (
            "CaptureRequest",
            json!({ "cameras": ["main", "main"], "format": "jpeg" }),
        ),
        ("CaptureRequest", json!({ "cameras": [], "format": "jpeg" })),
        (
            "CaptureRequest",
            json!({ "cameras": ["main"], "format": "jpeg", "quality": 101 }),
        ),
        ("RecordRequest", json!({ "cameras": [] })),
        (
            "RecordRequest",
            json!({ "cameras": ["main"], "seconds": 0 }),
        ),
        ("RecordRequest", json!({ "cameras": ["main"], "frames": 0 })),
    ] {
        schemas.check(&schemas.named(name), &wrong).expect_err(name);
    }
}
