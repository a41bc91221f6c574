//! The examples at the end of each command's help. A test runs every line of them.

macro_rules! examples {
    ($($(#[$doc:meta])* $name:ident: [$($line:literal),* $(,)?];)*) => {$(
        $(#[$doc])*
        pub(super) const $name: &str = concat!("Examples:" $(, "\n  ", $line)*);
    )*};
}

examples! {
    /// Of `chatctl local`.
    #[cfg(feature = "local")]
    LOCAL: [
        "chatctl local",
        "chatctl local --lambda lambda --watch",
        "chatctl local --no-deploy --persist state",
        "chatctl local --fault 'logs=error:503@20%' --seed 7",
    ];
    /// Of `chatctl deploy`.
    DEPLOY: [
        "chatctl deploy --yes",
        "chatctl deploy --yes --name chat --stage test --memory 512",
        "chatctl deploy --yes --output json",
    ];
    /// Of `chatctl plan`.
    PLAN: [
        "chatctl plan",
        "chatctl plan --exit-code",
        "chatctl plan --out plan.json",
    ];
    /// Of `chatctl status`.
    STATUS: [
        "chatctl status",
        "chatctl status --output json",
        "chatctl status --api a1b2c3d4e5",
    ];
    /// Of `chatctl list`.
    LIST: ["chatctl list", "chatctl list --drift --output json"];
    /// Of `chatctl logs`.
    LOGS: [
        "chatctl logs",
        "chatctl logs --follow --errors",
        "chatctl logs --since 2h --source function --grep alice",
        "chatctl logs --output json --limit 100",
        "chatctl logs --api a1b2c3d4e5 --stage prod --follow",
    ];
    /// Of `chatctl rollback`.
    ROLLBACK: ["chatctl rollback", "chatctl rollback --to 2"];
    /// Of `chatctl teardown`.
    TEARDOWN: [
        "chatctl teardown --yes --name chat --stage test",
        "chatctl teardown --yes",
    ];
    /// Of `chatctl chat`.
    CHAT: ["chatctl chat --user Alice", "chatctl chat --user Robot --once hello", "printf '/name Robot\\nhello\\n' | chatctl chat --output json"];
    /// Of `chatctl open`.
    OPEN: ["chatctl open"];
    /// Of `chatctl doctor`.
    DOCTOR: [
        "chatctl doctor",
        "chatctl doctor --output json",
        "chatctl doctor --api a1b2c3d4e5",
    ];
    /// Of `chatctl policy`.
    POLICY: [
        "chatctl policy deploy logs --account 123456789012 --region eu-central-1",
        "chatctl policy api --account 123456789012 --region eu-central-1",
        "chatctl policy --role github --repo OWNER/NAME --account 123456789012 --region eu-central-1",
    ];
    /// Of `chatctl init`.
    INIT: [
        "chatctl init",
        "chatctl init --lambda",
        "chatctl init --ci github",
        "chatctl init --template echo --config echo/chatctl.toml",
    ];
    /// Of `chatctl completions`.
    COMPLETIONS: ["chatctl completions bash > ~/.local/share/bash-completion/completions/chatctl"];
    /// Of `chatctl man`.
    MAN: ["chatctl man pages"];
}
