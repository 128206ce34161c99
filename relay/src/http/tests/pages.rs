//! The web pages.

use super::*;

#[tokio::test]
async fn pages_are_served_with_headers_that_protect_them() {
    let dir = std::env::temp_dir().join(format!("lectern-pages-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("assets")).unwrap();
    std::fs::write(dir.join("index.html"), "<!doctype html>").unwrap();
    std::fs::write(dir.join("assets/app-1a2b3c.js"), "0").unwrap();
    let (relay, _) = relay(&config(&format!("[web]\ndir = {dir:?}")));

    let page = ask(Method::GET, "/").of(&relay).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (StatusCode::OK, "text/html")
    );
    assert_eq!(page.header("cache-control"), "no-cache");
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'self'"),
        "{policy}"
    );
    assert!(!policy.contains("http"), "no outside hosts: {policy}");
    assert!(
        page.header("permissions-policy")
            .contains("camera=(self), microphone=(self)")
    );

    let asset = ask(Method::GET, "/assets/app-1a2b3c.js").of(&relay).await;
    assert!(asset.header("cache-control").ends_with("immutable"));
    let missing = ask(Method::GET, "/assets/gone.js").of(&relay).await;
    assert_eq!(missing.header("cache-control"), "no-store");
    for outside in [
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/assets/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/nothing",
    ] {
        let answer = ask(Method::GET, outside).of(&relay).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{outside}");
        answer.problem();
    }
    let posted = ask(Method::POST, "/").of(&relay).await;
    assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED);
    posted.problem();
    std::fs::remove_dir_all(&dir).unwrap();
}
