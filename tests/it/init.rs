//! Files that chatctl makes for its user: configuration, workflow, Lambda source, manual pages.

use assert_cmd::Command;
use chatctl::cli::Cli;
use chatctl::config::Settings;
use clap::Parser;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn chatctl(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("chatctl").unwrap();
    command.current_dir(folder);
    for name in [
        "CHATCTL_NAME",
        "CHATCTL_STAGE",
        "CHATCTL_CONFIG",
        "AWS_REGION",
        "AWS_PROFILE",
        "GITHUB_ACTIONS",
    ] {
        command.env_remove(name);
    }
    command
}

fn stderr(assert: &assert_cmd::assert::Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

#[test]
fn the_configuration_names_every_key_and_changes_nothing() {
    let folder = TempDir::new().unwrap();
    chatctl(folder.path()).arg("init").assert().success();
    let text = fs::read_to_string(folder.path().join("chatctl.toml")).unwrap();
    let set: toml::Table = text.parse().unwrap();
    assert!(
        set.values()
            .all(|value| value.as_table().is_some_and(toml::Table::is_empty)),
        "{set:?}"
    );
    for key in [
        "name",
        "stage",
        "region",
        "profile",
        "source",
        "architecture",
        "memory",
        "timeout",
        "log-level",
        "allowed-origins",
        "data-trace",
        "throttle-rate",
        "throttle-burst",
        "retention-days",
        "table",
        "runtime",
        "handler",
        "build",
        "zip",
        "actions",
        "partition-key",
        "sort-key-type",
        "ttl",
        "setName",
        "authorization",
        "send",
        "expect",
        "query",
        "team",
    ] {
        assert!(text.contains(&format!("\n# {key} = ")), "{key}");
    }
}

/// The reader of the configuration refuses unknown keys, so this keeps the template true to it.
#[test]
fn every_line_of_the_configuration_is_one_that_chatctl_takes() {
    let folder = TempDir::new().unwrap();
    chatctl(folder.path()).arg("init").assert().success();
    let path = folder.path().join("chatctl.toml");
    let text = fs::read_to_string(&path).unwrap();
    let is_key = |line: &&str| {
        line.strip_prefix("# ").is_some_and(|rest| {
            rest.starts_with('[')
                || rest
                    .split_once(" = ")
                    .is_some_and(|(key, _)| !key.contains(' '))
        })
    };
    let keys = text.lines().filter(is_key).count();
    assert!(keys > 40, "{keys}");
    let uncommented = |left_out: &[&str]| -> String {
        let kept = |line: &&str| !left_out.iter().any(|start| line.starts_with(start));
        text.lines()
            .map(|line| if is_key(&line) { &line[2..] } else { line })
            .filter(kept)
            .map(|line| format!("{line}\n"))
            .collect()
    };
    // These stand in place of others.
    let alternatives = ["source", "build", "table = false", "identity"];
    fs::write(&path, uncommented(&alternatives)).unwrap();
    load(&path).unwrap();
    fs::create_dir(folder.path().join("lambda")).unwrap();
    let own = uncommented(&["zip", "table = false", "authorization"]);
    let own = own.replace("[connect]", "[connect]\nauthorization = \"function\"");
    fs::write(&path, own).unwrap();
    load(&path).unwrap();
    let error = load_text(&path, "tabel = false\n").unwrap_err();
    assert!(error.message().contains("tabel"), "{error}");
    load_text(
        &path,
        "table = false\n[function]\nsource = \"lambda\"\nruntime = \"nodejs22.x\"\n",
    )
    .unwrap();
}

/// What chatctl makes of this file.
fn load(path: &Path) -> chatctl::error::Result<Settings> {
    let argv = ["chatctl", "plan", "--config", path.to_str().unwrap()];
    let cli = Cli::try_parse_from(argv).unwrap();
    Settings::load(&cli.global.input(&chatctl::cli::Wanted::default()))
}

fn load_text(path: &Path, text: &str) -> chatctl::error::Result<Settings> {
    fs::write(path, text).unwrap();
    load(path)
}

/// Each template with its name and some file of its function.
const TEMPLATES: [(&str, &str, &str); 5] = [
    ("chat", "chat", "lambda/src/main.rs"),
    ("echo", "echo", "function/index.mjs"),
    ("node", "room", "function/package.json"),
    ("python", "room", "function/app.py"),
    ("rust-minimal", "echo", "function/Cargo.toml"),
];

#[test]
fn a_template_is_a_function_and_a_configuration_that_deploys_it() {
    for (template, name, file) in TEMPLATES {
        let folder = TempDir::new().unwrap();
        let said = chatctl(folder.path())
            .args(["init", "--template", template, "--output", "json"])
            .assert()
            .success();
        let document: serde_json::Value =
            serde_json::from_slice(&said.get_output().stdout).unwrap();
        let written = document["written"].as_array().unwrap();
        assert_eq!(written[0], "chatctl.toml", "{document}");
        assert!(written.iter().any(|path| path == file), "{document}");
        for path in written {
            assert!(folder.path().join(path.as_str().unwrap()).is_file());
        }
        let settings = load(&folder.path().join("chatctl.toml")).unwrap();
        assert_eq!(settings.name, name);
        let source = folder.path().join(file.split('/').next().unwrap());
        let watched = settings.function.code.watched().unwrap();
        assert_eq!(watched, source.canonicalize().unwrap(), "{template}");
    }
}

#[test]
fn a_template_takes_the_flags_and_lies_beside_its_configuration() {
    let folder = TempDir::new().unwrap();
    let place = ["--config", "a/chatctl.toml", "--region", "eu-central-1"];
    chatctl(folder.path())
        .args(["init", "--template", "echo", "--name", "mine", "--ci"])
        .args(place)
        .assert()
        .success();
    assert!(folder.path().join("a/function/index.mjs").is_file());
    assert!(folder.path().join(WRITTEN[0]).is_file());
    let settings = load(&folder.path().join("a/chatctl.toml")).unwrap();
    let region = settings.region.as_deref();
    assert_eq!(
        (settings.name.as_str(), region),
        ("mine", Some("eu-central-1"))
    );
}

const MINE: &str = "name = \"mine\"\n";

#[test]
fn a_template_is_written_whole_or_not_at_all() {
    for there in ["chatctl.toml", "function/mine.txt"] {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join(there);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, MINE).unwrap();
        let init = ["init", "--template", "node"];
        let refused = chatctl(folder.path()).args(init).assert().code(1);
        let said = stderr(&refused);
        assert!(
            said.contains("is there already; nothing was written"),
            "{said}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), MINE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{there}");
    }
    let folder = TempDir::new().unwrap();
    let both = ["init", "--template", "chat", "--lambda"];
    let refused = chatctl(folder.path()).args(both).assert().code(64);
    assert!(stderr(&refused).contains("cannot be used with"));
}

#[test]
fn flags_become_values_of_the_configuration() {
    let folder = TempDir::new().unwrap();
    chatctl(folder.path())
        .args(["init", "--name", "team", "--region", "eu-central-1"])
        .assert()
        .success();
    let text = fs::read_to_string(folder.path().join("chatctl.toml")).unwrap();
    let set: toml::Table = text.parse().unwrap();
    assert_eq!(
        (set["name"].as_str(), set["region"].as_str()),
        (Some("team"), Some("eu-central-1"))
    );
}

#[test]
fn a_value_that_deploy_would_refuse_is_refused_here() {
    let folder = TempDir::new().unwrap();
    chatctl(folder.path())
        .args(["init", "--name", "No Good"])
        .assert()
        .code(64);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn nothing_that_is_there_is_overwritten_and_nothing_is_written_by_halves() {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join(".github/workflows")).unwrap();
    fs::write(
        folder.path().join(".github/workflows/deploy-chat.yml"),
        "mine",
    )
    .unwrap();
    let assert = chatctl(folder.path())
        .args(["init", "--ci", "--lambda"])
        .assert()
        .code(1);
    assert!(
        stderr(&assert).contains("is there already; nothing was written"),
        "{}",
        stderr(&assert)
    );
    assert!(!folder.path().join("chatctl.toml").exists());
    assert!(!folder.path().join("lambda").exists());

    fs::write(folder.path().join("chatctl.toml"), "name = \"mine\"\n").unwrap();
    chatctl(folder.path()).arg("init").assert().code(1);
    assert_eq!(
        fs::read_to_string(folder.path().join("chatctl.toml")).unwrap(),
        "name = \"mine\"\n"
    );
}

#[test]
fn the_lambdas_source_is_written_out_whole_and_deploy_is_pointed_to_it() {
    let folder = TempDir::new().unwrap();
    chatctl(folder.path())
        .args(["init", "--lambda"])
        .assert()
        .success();
    for (name, contents) in chatctl::package::source::embedded() {
        let written = fs::read(folder.path().join("lambda").join(name)).unwrap();
        assert!(written == *contents, "{name}");
    }
    let text = fs::read_to_string(folder.path().join("chatctl.toml")).unwrap();
    assert!(text.contains("\nsource = \"lambda\"\n"), "{text}");
    let again = chatctl(folder.path())
        .args(["init", "--lambda"])
        .assert()
        .code(1);
    assert!(
        stderr(&again).contains("function.source"),
        "{}",
        stderr(&again)
    );
}

/// Cargo refuses a lock file that names too much or too little when it is told to take it as it is.
#[test]
fn the_lambdas_source_needs_no_other_lock_file() {
    let folder = TempDir::new().unwrap();
    chatctl(folder.path())
        .args(["init", "--lambda"])
        .assert()
        .success();
    Command::new("cargo")
        .args(["tree", "--locked", "--offline", "--quiet"])
        .current_dir(folder.path().join("lambda"))
        .assert()
        .success();
}

/// The function is tested with the versions of the workspace's lock file and must be shipped with them.
#[test]
fn the_lambdas_lock_file_has_the_versions_of_the_workspace() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packages = |path: &str| -> Vec<toml::Table> {
        let text = fs::read_to_string(root.join(path)).unwrap();
        let lock: toml::Table = text.parse().unwrap();
        let packages = lock["package"].as_array().unwrap().iter();
        packages
            .map(|one| one.as_table().unwrap().clone())
            .collect()
    };
    let workspace = packages("Cargo.lock");
    let same = |one: &toml::Table, other: &toml::Table| {
        ["name", "version", "checksum"]
            .iter()
            .all(|key| one.get(*key) == other.get(*key))
    };
    let strange: Vec<_> = packages("templates/lambda/Cargo.lock")
        .into_iter()
        .filter(|one| !workspace.iter().any(|other| same(one, other)))
        .map(|one| format!("{} {}", one["name"], one["version"]))
        .collect();
    assert!(strange.is_empty(), "run `just lambda-lock`: {strange:?}");
}

#[test]
fn a_configuration_that_is_there_keeps_its_lines_and_gets_the_source() {
    let folder = TempDir::new().unwrap();
    fs::write(
        folder.path().join("chatctl.toml"),
        "# mine\nname = \"mine\" # here\n",
    )
    .unwrap();
    chatctl(folder.path())
        .args(["init", "--lambda"])
        .assert()
        .success();
    let text = fs::read_to_string(folder.path().join("chatctl.toml")).unwrap();
    assert_eq!(
        text,
        "# mine\nname = \"mine\" # here\n\n[function]\nsource = \"lambda\"\n"
    );
}

const WRITTEN: [&str; 3] = [
    ".github/workflows/deploy-chat.yml",
    ".github/workflows/preview-chat.yml",
    ".github/actions/install-chatctl/action.yml",
];

/// A repository with a folder in it.
fn repository(folder: &str) -> (TempDir, std::path::PathBuf) {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join(".git")).unwrap();
    let folder = root.path().join(folder);
    fs::create_dir_all(&folder).unwrap();
    (root, folder)
}

#[test]
fn the_workflow_keeps_no_key_and_runs_plan_and_deploy() {
    let folder = TempDir::new().unwrap();
    let assert = chatctl(folder.path())
        .args(["init", "--ci"])
        .assert()
        .success();
    assert!(stderr(&assert).contains("in no Git repository"));
    let texts = WRITTEN.map(|path| fs::read_to_string(folder.path().join(path)).unwrap());
    for part in [
        "id-token: write",
        "role-to-assume",
        "chatctl plan --out",
        "chatctl deploy --plan",
    ] {
        assert!(texts[0].contains(part), "{part}");
    }
    let all = texts.concat();
    assert!(!all.to_lowercase().contains("secret"), "{all}");
    assert!(!all.contains("@DIRECTORY@"), "{all}");
    assert!(!folder.path().join("chatctl.toml").exists());
}

#[test]
fn the_workflow_lies_where_github_looks_and_runs_in_the_folder_of_the_chat() {
    let (root, folder) = repository("services/my chat");
    let assert = chatctl(&folder)
        .args(["init", "--ci", "github"])
        .assert()
        .success();
    let said = stderr(&assert);
    assert!(
        said.contains("wrote ../../.github/workflows/deploy-chat.yml"),
        "{said}"
    );
    assert!(!said.contains("in no Git repository"), "{said}");
    for path in &WRITTEN[..2] {
        let text = fs::read_to_string(root.path().join(path)).unwrap();
        assert!(
            text.contains("working-directory: './services/my chat'\n"),
            "{text}"
        );
    }
    assert!(!folder.join(".github").exists());
}

#[test]
fn a_folder_that_a_workflow_cannot_name_is_refused() {
    for name in ["${{ github.token }}", "it's", "a\"b", "new\nline"] {
        let (root, folder) = repository(name);
        let assert = chatctl(&folder)
            .args(["init", "--ci", "github"])
            .assert()
            .code(1);
        assert!(stderr(&assert).contains("cannot name the folder"));
        assert!(!root.path().join(".github").exists());
    }
}

#[test]
fn gitlab_gets_a_file_to_include_and_an_own_one_is_left_alone() {
    let (root, folder) = repository("chat");
    let written = root.path().join(".gitlab-ci.yml");
    let init = || {
        chatctl(&folder)
            .args(["init", "--ci", "gitlab"])
            .assert()
            .success()
    };
    init();
    assert!(
        fs::read_to_string(&written)
            .unwrap()
            .contains("local: /.gitlab/chat.yml")
    );
    let jobs = fs::read_to_string(root.path().join(".gitlab/chat.yml")).unwrap();
    assert!(jobs.contains("- cd './chat'\n"), "{jobs}");

    fs::remove_dir_all(root.path().join(".gitlab")).unwrap();
    fs::write(&written, "mine").unwrap();
    let said = stderr(&init());
    assert!(
        said.contains("include: [{ local: /.gitlab/chat.yml }]"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(&written).unwrap(), "mine");
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = TempDir::new().unwrap();
    chatctl(folder.path())
        .args(["man", "pages"])
        .assert()
        .success();
    let page = |name: &str| fs::read_to_string(folder.path().join("pages").join(name)).unwrap();
    assert!(page("chatctl.1").starts_with(".ie"));
    for command in [
        "local", "deploy", "plan", "status", "logs", "teardown", "chat", "open", "doctor", "init",
    ] {
        let text = page(&format!("chatctl-{command}.1"));
        assert!(
            text.contains(".SH SYNOPSIS") && text.contains(command),
            "{command}"
        );
    }
    chatctl(folder.path())
        .args(["man", "pages"])
        .assert()
        .code(1);
    let main = chatctl(folder.path()).arg("man").assert().success();
    assert_eq!(
        String::from_utf8_lossy(&main.get_output().stdout),
        page("chatctl.1")
    );
}

#[test]
fn every_shell_has_a_completion_script() {
    let folder = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let assert = chatctl(folder.path())
            .args(["completions", shell])
            .assert()
            .success();
        let script = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
        assert!(
            script.contains("COMPLETE") && script.contains("chatctl"),
            "{shell}"
        );
    }
    chatctl(folder.path())
        .args(["completions", "tcsh"])
        .assert()
        .code(64);
}
