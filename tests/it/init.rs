//! Files that chatctl makes for its user: configuration, workflow, Lambda source, manual pages.

use assert_cmd::Command;
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
    let uncommented: String = text
        .lines()
        .map(|line| if is_key(&line) { &line[2..] } else { line })
        .filter(|line| !line.starts_with("source"))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(&path, uncommented).unwrap();
    assert!(keys > 15, "{keys}");
    let assert = chatctl(folder.path())
        .args(["init", "--lambda"])
        .assert()
        .success();
    assert!(stderr(&assert).contains("lambda"));
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
