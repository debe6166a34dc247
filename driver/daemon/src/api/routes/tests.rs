//! The paths and methods of the router are those of the description.

use super::*;
use crate::api::access::Access;
use crate::captures::Store;
use axum::body::Body;
use axum::http::Request;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

fn description() -> serde_json::Value {
    serde_json::from_str(OPENAPI).expect("the description is JSON")
}

fn context(directory: &tempfile::TempDir) -> Context {
    Context {
        commands: mpsc::channel(1).0,
        captures: Store::open(directory.path(), 0).unwrap(),
        recordings: crate::recordings::Store::new(directory.path(), 0, 1 << 20),
        quality: 90,
        lenses: Arc::default(),
        control_group: "bayonet".into(),
        ending: watch::channel(false).1,
    }
}

#[tokio::test]
async fn every_route_is_described_and_nothing_else() {
    let description = description();
    let paths = description["paths"].as_object().expect("paths");
    let described: BTreeSet<&str> = paths.keys().map(String::as_str).collect();
    let served: BTreeSet<&str> = routes().into_iter().map(|(path, _)| path).collect();
    assert_eq!(served, described);

    let directory = tempfile::tempdir().unwrap();
    let router = TowerToHyperService::new(router(context(&directory)));
    for (path, operations) in paths {
        let mut described: BTreeSet<String> = operations
            .as_object()
            .unwrap()
            .keys()
            .map(|method| method.to_uppercase())
            .collect();
        // What answers GET answers HEAD.
        if described.contains("GET") {
            described.insert("HEAD".into());
        }
        // A method that no path takes is answered with those that it does.
        let request = Request::builder()
            .method("TRACE")
            .uri(path.replace(['{', '}'], ""));
        let answer = router
            .call(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let allowed = answer.headers()[header::ALLOW].to_str().unwrap();
        assert_eq!(
            allowed
                .split(',')
                .map(String::from)
                .collect::<BTreeSet<_>>(),
            described,
            "{path}"
        );
    }
}

/// Without a decision about the client, as without the right: whatever changes something is refused before it is read.
#[tokio::test]
async fn whatever_changes_something_needs_the_right() {
    let directory = tempfile::tempdir().unwrap();
    let router = TowerToHyperService::new(router(context(&directory)));
    let description = description();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let described = operation["responses"].get("403").is_some();
            assert!(described || method == "get", "{method} {path}");
            for access in [None, Some(Access::Read)] {
                let uri = path.replace("{camera}", "main").replace(['{', '}'], "");
                let request = Request::builder()
                    .method(method.to_uppercase().as_str())
                    .uri(uri);
                let mut request = request.body(Body::empty()).unwrap();
                request.extensions_mut().extend(
                    access
                        .map(|access| {
                            let mut extensions = axum::http::Extensions::new();
                            extensions.insert(access);
                            extensions
                        })
                        .unwrap_or_default(),
                );
                let answer = router.call(request).await.unwrap();
                let refused = answer.status() == StatusCode::FORBIDDEN;
                assert_eq!(refused, described, "{method} {path}: {}", answer.status());
            }
        }
    }
}
