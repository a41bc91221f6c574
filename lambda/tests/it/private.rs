//! What is said in private stays there: not in a log, not in an error, not with anybody else.

use serde_json::json;

use crate::environments::Environments;
use crate::world::{Fault, Manner, World, event, message, run};

const CANARY: &str = "canary-7f3a";
const RECEIVER: &str = "Quentin";

#[test]
fn a_private_text_is_in_no_log_whatever_goes_wrong() {
    let world = World::start();
    let environments = Environments::start(&world, 1, &[("AWS_LAMBDA_LOG_LEVEL", "TRACE")]);
    let whisper = json!({"action": "sendPrivate", "to": RECEIVER, "message": CANARY});
    run(async {
        for (connection, name) in [("a", "Alice"), ("b", "Bea"), ("q", RECEIVER)] {
            world
                .invoke(message(
                    connection,
                    &json!({"action": "setName", "name": name}),
                ))
                .await;
        }
        world.take();
        assert_eq!(
            world.invoke(message("a", &whisper)).await,
            json!({"statusCode": 200})
        );
        let frames = world.take();
        assert_eq!(frames.len(), 1, "{frames:?}");
        assert_eq!(
            (frames[0].to.as_str(), &frames[0].body["text"]),
            ("q", &json!(CANARY))
        );

        // Now with everything that can go wrong on its way.
        for manner in [
            Manner::Always(500),
            Manner::Always(403),
            Manner::CutOnce,
            Manner::Throttled(2),
        ] {
            world.behave("q", manner);
            world.invoke(message("a", &whisper)).await;
        }
        for fault in ["ValidationException", "AccessDeniedException"] {
            world.faults([Fault::Refuse(fault)]);
            world.invoke(message("a", &whisper)).await;
        }
        let too_long =
            json!({"action": "sendPrivate", "to": RECEIVER, "message": CANARY.repeat(999)});
        world.invoke(message("a", &too_long)).await;
        world.invoke(message("nameless", &whisper)).await;
        world.invoke(event("$default", "b", Some(&whisper))).await;
        world
            .invoke(json!({"requestContext": 7, "body": CANARY}))
            .await;
        world.behave("q", Manner::Gone);
        world.invoke(message("a", &whisper)).await;
    });
    nobody_else_has_it(&world);
    let log = environments.stop();
    assert!(log.lines().count() >= 14);
    assert!(!log.contains(CANARY), "{log}");
    assert!(!log.contains(RECEIVER), "{log}");
}

fn nobody_else_has_it(world: &World) {
    for frame in world.take().iter().filter(|frame| frame.to != "q") {
        assert!(!frame.body.to_string().contains(CANARY), "{frame:?}");
    }
    let items = world.items();
    assert!(!items.iter().any(|item| item.to_string().contains(CANARY)));
}
