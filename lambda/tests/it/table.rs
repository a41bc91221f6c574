//! The store against a DynamoDB by other authors.

use chat_lambda::clock::Millis;
use chat_lambda::names::Name;
use chat_lambda::store::dynamo::Table;
use chat_lambda::store::{Claim, Claimed, Store};
use futures_util::future::join_all;
use serde_json::json;

use crate::world::{Fault, TABLE, World, run};

const NOW: Millis = Millis(1_700_000_000_000);
const LATER: u64 = NOW.0 / 1000 + 7800;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

async fn claim(
    table: &Table,
    connection: &str,
    new: &str,
    old: Option<&str>,
    now: Millis,
) -> Claimed {
    let (new, old) = (name(new), old.map(name));
    let expires = now.secs() + 7800;
    let claim = Claim {
        connection,
        name: &new,
        old: old.as_ref(),
        now,
        expires,
    };
    table.claim(&claim).await.unwrap()
}

async fn shown(table: &Table, now: Millis) -> Vec<String> {
    table
        .members(now)
        .await
        .unwrap()
        .into_iter()
        .map(|member| member.shown)
        .collect()
}

#[test]
fn of_a_hundred_who_claim_a_name_at_once_exactly_one_has_it() {
    let world = World::start();
    run(async {
        let tables: Vec<Table> = (0..100).map(|_| world.table()).collect();
        let claims = tables.iter().enumerate().map(|(n, table)| async move {
            claim(
                table,
                &format!("c{n}"),
                if n % 2 == 0 { "Alice" } else { "ALICE" },
                None,
                NOW,
            )
            .await
        });
        let claimed = join_all(claims).await;
        assert_eq!(
            claimed
                .iter()
                .filter(|claimed| **claimed == Claimed::Yes)
                .count(),
            1
        );
        let owner = tables[0]
            .find(&name("Alice").key, NOW)
            .await
            .unwrap()
            .unwrap();
        let expected = Claimed::Taken { owner };
        assert_eq!(
            claimed
                .iter()
                .filter(|claimed| **claimed == expected)
                .count(),
            99
        );
        assert_eq!(shown(&tables[0], NOW).await.len(), 1);
    });
}

#[test]
fn a_rename_takes_the_new_name_and_frees_the_old_one_in_one_step() {
    let world = World::start();
    run(async {
        let table = world.table();
        assert_eq!(claim(&table, "a", "Alice", None, NOW).await, Claimed::Yes);
        assert_eq!(claim(&table, "b", "Bea", None, NOW).await, Claimed::Yes);
        let taken = claim(&table, "a", "BEA", Some("Alice"), NOW).await;
        assert_eq!(taken, Claimed::Taken { owner: "b".into() });
        assert_eq!(shown(&table, NOW).await, ["Alice", "Bea"]);
        assert_eq!(
            table
                .find(&name("Alice").key, NOW)
                .await
                .unwrap()
                .as_deref(),
            Some("a")
        );

        assert_eq!(
            claim(&table, "a", "Ann", Some("Alice"), NOW).await,
            Claimed::Yes
        );
        assert_eq!(shown(&table, NOW).await, ["Ann", "Bea"]);
        assert_eq!(table.find(&name("Alice").key, NOW).await.unwrap(), None);
        assert_eq!(claim(&table, "c", "Alice", None, NOW).await, Claimed::Yes);
    });
}

#[test]
fn changing_only_the_letter_case_keeps_the_name() {
    let world = World::start();
    run(async {
        let table = world.table();
        claim(&table, "a", "Alice", None, NOW).await;
        assert_eq!(
            claim(&table, "a", "ALICE", Some("Alice"), NOW).await,
            Claimed::Yes
        );
        assert_eq!(shown(&table, NOW).await, ["ALICE"]);
        assert_eq!(
            table.forget("a", None, NOW).await.unwrap().as_deref(),
            Some("ALICE")
        );
        assert!(world.items().is_empty());
    });
}

#[test]
fn two_claims_of_one_connection_cannot_leave_a_name_behind() {
    let world = World::start();
    run(async {
        let table = world.table();
        assert_eq!(claim(&table, "a", "Alice", None, NOW).await, Claimed::Yes);
        // The second message was read when the connection still had no name.
        assert_eq!(claim(&table, "a", "Bea", None, NOW).await, Claimed::Changed);
        assert_eq!(table.find("bea", NOW).await.unwrap(), None);
        assert_eq!(
            claim(&table, "a", "Bea", Some("Carl"), NOW).await,
            Claimed::Changed
        );
        assert_eq!(shown(&table, NOW).await, ["Alice"]);
    });
}

#[test]
fn a_late_disconnect_does_not_free_a_name_that_another_has_taken_meanwhile() {
    let world = World::start();
    run(async {
        let table = world.table();
        claim(&table, "old", "Alice", None, NOW).await;
        let after = Millis(NOW.0 + 3 * 3600 * 1000);
        assert_eq!(
            claim(&table, "new", "Alice", None, after).await,
            Claimed::Yes,
            "it had expired"
        );
        assert_eq!(
            table.forget("old", None, NOW).await.unwrap().as_deref(),
            Some("Alice")
        );
        assert_eq!(
            table
                .find(&name("Alice").key, after)
                .await
                .unwrap()
                .as_deref(),
            Some("new")
        );
        assert_eq!(shown(&table, after).await, ["Alice"]);
        assert_eq!(
            table
                .forget("old", Some(&name("Alice").key), NOW)
                .await
                .unwrap(),
            None
        );
        assert_eq!(
            table
                .find(&name("Alice").key, after)
                .await
                .unwrap()
                .as_deref(),
            Some("new")
        );
    });
}

#[test]
fn expired_rows_count_for_nothing_though_dynamodb_still_has_them() {
    let world = World::start();
    run(async {
        let table = world.table();
        claim(&table, "a", "Alice", None, NOW).await;
        let last = Millis((NOW.secs() + 7799) * 1000);
        assert_eq!(shown(&table, last).await, ["Alice"]);
        let over = Millis((NOW.secs() + 7800) * 1000);
        assert!(shown(&table, over).await.is_empty());
        assert_eq!(table.find(&name("Alice").key, over).await.unwrap(), None);
        assert_eq!(world.items().len(), 2, "they are there, and not counted");
    });
}

#[test]
fn exactly_one_of_all_who_forget_a_member_is_told_its_name() {
    let world = World::start();
    run(async {
        let tables: Vec<Table> = (0..20).map(|_| world.table()).collect();
        claim(&tables[0], "a", "Alice", None, NOW).await;
        let told = join_all(tables.iter().map(|table| table.forget("a", None, NOW))).await;
        assert_eq!(
            told.into_iter()
                .filter_map(Result::unwrap)
                .collect::<Vec<_>>(),
            ["Alice"]
        );
        assert!(world.items().is_empty());
    });
}

#[test]
fn a_lock_whose_member_is_missing_can_still_be_freed() {
    let world = World::start();
    run(async {
        let table = world.table();
        claim(&table, "a", "Alice", None, NOW).await;
        let row = world
            .items()
            .into_iter()
            .find(|item| item["sk"]["S"] == "a")
            .unwrap();
        let key = json!({"pk": row["pk"], "sk": row["sk"]});
        world
            .dynamo("DeleteItem", &json!({"TableName": TABLE, "Key": key}))
            .unwrap();
        assert_eq!(
            table
                .forget("a", Some(&name("Alice").key), NOW)
                .await
                .unwrap(),
            None
        );
        assert!(world.items().is_empty());
    });
}

#[test]
fn messages_are_counted_in_windows_that_begin_with_the_first() {
    let world = World::start();
    run(async {
        let table = world.table();
        for n in 1..=12 {
            let member = table
                .touch("a", Millis(NOW.0 + n * 100), LATER)
                .await
                .unwrap();
            assert_eq!(member.count, n);
        }
        table.strike("a", 1, NOW).await.unwrap();
        let edge = Millis(NOW.0 + 100 + 9_999);
        assert_eq!(table.touch("a", edge, LATER).await.unwrap().count, 13);
        let fresh = table
            .touch("a", Millis(NOW.0 + 100 + 10_000), LATER)
            .await
            .unwrap();
        assert_eq!((fresh.count, fresh.strikes, fresh.struck_at), (1, 1, NOW.0));
    });
}

#[test]
fn messages_at_the_same_moment_are_all_counted() {
    let world = World::start();
    run(async {
        let tables: Vec<Table> = (0..30).map(|_| world.table()).collect();
        let counts = join_all(tables.iter().map(|table| table.touch("a", NOW, LATER))).await;
        let mut counts: Vec<u64> = counts
            .into_iter()
            .map(|member| member.unwrap().count)
            .collect();
        counts.sort_unstable();
        assert_eq!(counts, (1..=30).collect::<Vec<_>>());
    });
}

#[test]
fn ten_thousand_members_are_all_listed_in_the_order_in_which_they_came() {
    let world = World::start();
    for n in 0..10_000u64 {
        let connection = format!("c{n:05}");
        // As `claim` writes it; the claims themselves are tested above.
        let shard = run_shard(&connection);
        let item = json!({"pk": {"S": shard}, "sk": {"S": connection}, "shown": {"S": format!("n{n:05}")},
            "fold": {"S": format!("n{n:05}")}, "since": {"N": (10_000 - n).to_string()},
            "expires": {"N": LATER.to_string()}});
        world
            .dynamo("PutItem", &json!({"TableName": TABLE, "Item": item}))
            .unwrap();
    }
    world.page_limit(173);
    let found = run(async { shown(&world.table(), NOW).await });
    assert!(
        world.calls("Query") > 50,
        "only {} pages",
        world.calls("Query")
    );
    assert_eq!(found.len(), 10_000);
    assert!(found.is_sorted_by(|a, b| a > b));
}

/// The partition of a connection, spread by hand: `members` reads all eight whatever the hash.
fn run_shard(connection: &str) -> String {
    let sum: u32 = connection.bytes().map(u32::from).sum();
    format!("M#{}", sum % 8)
}

#[test]
fn what_is_busy_is_tried_again_and_a_lost_answer_does_nothing_twice() {
    let world = World::start();
    run(async {
        let table = world.table();
        world.faults([
            Fault::Refuse("ThrottlingException"),
            Fault::Refuse("TransactionConflictException"),
            Fault::Refuse("InternalServerError"),
            Fault::LoseAnswer,
        ]);
        assert_eq!(claim(&table, "a", "Alice", None, NOW).await, Claimed::Yes);
        assert_eq!(shown(&table, NOW).await, ["Alice"]);
        assert!(world.calls("TransactWriteItems") >= 5);
    });
}

#[test]
fn what_is_not_allowed_is_said_in_amazons_words() {
    let world = World::start();
    run(async {
        world.faults([Fault::Refuse("AccessDeniedException")]);
        let error = world
            .table()
            .find(&name("Alice").key, NOW)
            .await
            .unwrap_err();
        assert_eq!(error.0, "DynamoDB GetItem: 400 AccessDeniedException m");
    });
}
