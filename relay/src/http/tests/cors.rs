//! What browsers of other origins may do.

use super::*;

#[tokio::test]
async fn browsers_of_other_origins_may_ask_without_a_token_what_is_possible() {
    let (relay, _) = relay(&keyed());
    for (path, method, accepts, kind) in [
        ("/whip/demo/camera", "POST", "accept-post", SDP),
        ("/whep/demo", "POST", "accept-post", SDP),
        ("/whep/demo/camera", "POST", "accept-post", SDP),
        ("/session/x", "PATCH", "accept-patch", FRAGMENT),
        ("/session/x", "DELETE", "accept-patch", FRAGMENT),
    ] {
        let preflight = ask(Method::OPTIONS, path)
            .with("origin", "https://school.example")
            .with("access-control-request-method", method)
            .with(
                "access-control-request-headers",
                "authorization,content-type,if-match",
            );
        let answer = preflight.of(&relay).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header(accepts), kind, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert!(
            answer
                .header("access-control-allow-methods")
                .contains(method),
            "{path}"
        );
        let allowed = answer.header("access-control-allow-headers").to_lowercase();
        assert!(
            ["authorization", "content-type", "if-match"]
                .iter()
                .all(|name| allowed.contains(name)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn scripts_of_other_origins_may_read_refusals_too() {
    let (relay, _) = relay(&keyed());
    let answer = post("/whip/demo/camera").of(&relay).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let exposed = answer.header("access-control-expose-headers");
    assert!(
        ["Location", "ETag", "Link"]
            .iter()
            .all(|name| exposed.contains(name)),
        "{exposed}"
    );
    assert_eq!(
        ask(Method::GET, "/healthz")
            .of(&relay)
            .await
            .header("access-control-allow-origin"),
        ""
    );
}
