use super::*;

const LINE: &str = "about = \"x\"\nseconds = 20\n";

fn refusal(rest: &str) -> String {
    let error = Profile::parse("p.toml", &format!("{LINE}{rest}")).unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

#[test]
fn the_named_profiles_are_what_they_are_called() {
    for name in Profile::names() {
        let profile = Profile::load(name).unwrap();
        assert!(!profile.about.is_empty());
    }
    let village = Profile::load("village-4m").unwrap().steps[0];
    assert_eq!(
        village.down.bottleneck,
        Some(Bottleneck {
            bits_per_second: 4_000_000,
            queue_bytes: 100_000,
        })
    );
    assert_eq!(
        village.down.delay + village.up.delay,
        Duration::from_millis(60)
    );
    let lossy = Profile::load("lossy-10").unwrap().steps[0];
    assert_eq!(lossy.down.loss, Loss::Random(0.1));
    let outage = Profile::load("outage-5s").unwrap().steps;
    assert_eq!(
        outage
            .iter()
            .map(|step| step.down.outage)
            .collect::<Vec<_>>(),
        [false, true, false]
    );
    assert_eq!(outage[2].at - outage[1].at, Duration::from_secs(5));
}

#[test]
fn a_step_keeps_what_it_does_not_name() {
    let text = format!(
        "{LINE}[down]\ndelay = \"20ms\"\nrate = \"8Mbit/s\"\nqueue = \"100ms\"\n\
         [[step]]\nat = \"5s\"\ndown = {{ rate = \"4Mbit/s\" }}\n\
         [[step]]\nat = \"6s\"\ndown = {{ rate = \"unlimited\" }}\n"
    );
    let steps = Profile::parse("p.toml", &text).unwrap().steps;
    assert_eq!(steps[1].down.delay, Duration::from_millis(20));
    let queues = steps
        .iter()
        .map(|step| step.down.bottleneck.map(|place| place.queue_bytes));
    assert_eq!(
        queues.collect::<Vec<_>>(),
        [Some(100_000), Some(50_000), None]
    );
    assert_eq!(steps[1].up, Conditions::default());
}

#[test]
fn an_error_is_one_line_with_its_place() {
    let unknown = refusal("[down]\ndelay = \"1ms\"\nspeed = \"fast\"\n");
    assert!(
        unknown.starts_with("profile p.toml: line 5: unknown field `speed`"),
        "{unknown}"
    );
    assert_eq!(
        refusal("[down]\nloss = \"101%\"\n"),
        "profile p.toml: line 4: `101%` is no share from \"0%\" to \"100%\""
    );
    assert_eq!(
        refusal("[up]\nqueue = \"10ms\"\n"),
        "profile p.toml: up.queue: needs a rate"
    );
    assert_eq!(
        refusal("[[step]]\nat = \"3s\"\nup = { jitter = \"1ms\" }\n"),
        "profile p.toml: step at 3 s: up.jitter: it cannot be more than delay"
    );
}

#[test]
fn impossible_values_are_refused() {
    for (rest, part) in [
        ("[down]\nrate = \"0Mbit/s\"\n", "no rate"),
        (
            "[down]\nrate = \"8kbit/s\"\nqueue = \"1ms\"\n",
            "do not hold one packet",
        ),
        ("[down]\nreorder = 1\ndelay = \"1ms\"\n", "reorder"),
        ("[down]\nreorder = 10\n", "nothing to overtake"),
        ("[down]\ndelay = \"11s\"\n", "no line"),
        (
            "[down]\nloss = { average = \"2%\", burst = 0.5 }\n",
            "burst must be",
        ),
        (
            "[down]\nloss = { average = \"90%\", burst = 2 }\n",
            "cannot lose so much",
        ),
        (
            "[down]\nloss = { average = \"2%\", burst = 2, often = 1 }\n",
            "unknown field `often`",
        ),
        ("[down]\nloss = 5\n", "share such as"),
        (
            "[[step]]\nat = \"0s\"\nup = { outage = true }\n",
            "later than",
        ),
        (
            "[[step]]\nat = \"20s\"\nup = { outage = true }\n",
            "before the profile's end",
        ),
        ("[[step]]\nat = \"5s\"\n", "changes nothing"),
        ("seconds = 20\n", "duplicate key"),
    ] {
        let text = refusal(rest);
        assert!(text.contains(part), "{text}");
    }
    let endless = Profile::parse("p.toml", "about = \"x\"\nseconds = -1\n").unwrap_err();
    assert!(endless.to_string().contains("no length"), "{endless}");
    let unknown = Profile::load("village").unwrap_err().to_string();
    assert!(
        unknown.contains("village-4m") && !unknown.contains('\n'),
        "{unknown}"
    );
    assert!(Profile::load("/nowhere/line.toml").is_err());
}

#[test]
fn knows_when_the_line_falls_and_rises() {
    let step = Profile::load("step-30-5-30").unwrap();
    let seconds = |number| Some(Duration::from_secs(number));
    assert_eq!((step.fall(), step.rise()), (seconds(10), seconds(30)));
    let outage = Profile::load("outage-5s").unwrap();
    assert_eq!((outage.fall(), outage.rise()), (None, None));
}
