"""What `chatctl init --lambda` writes is the function that is deployed: owning it changes nothing by itself."""


def test_the_source_that_is_written_out_is_the_one_that_is_deployed(chatctl, deployed_chat, tmp_path):
    chatctl.run("init", "--lambda", cwd=tmp_path)
    target = ("--local", "--port", str(deployed_chat.port))
    same = chatctl.run("plan", "--exit-code", *target, cwd=tmp_path)
    assert "up to date" in same.stdout

    main = tmp_path / "lambda/src/main.rs"
    main.write_text(main.read_text() + "\n// mine now\n")
    changed = chatctl.run("plan", "--exit-code", *target, cwd=tmp_path, check=False)
    assert changed.returncode == 2, changed.stdout + changed.stderr
    assert "function" in changed.stdout
