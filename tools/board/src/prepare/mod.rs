//! Fetches and builds what a board needs: build root, guest image, kernel modules.
