//! Who is one person, reviewed with the command line alone: merges, conflicts, pairs that are kept apart, values that are no
//! evidence, groups, and who is suppressed.

use serde_json::{Value, json};
use tributary_tests::{ServerBuilder, Spec, cluid, databases};

use crate::cli::ask;

/// The last part of a name.
fn id(name: &Value) -> &str {
    name.as_str().and_then(|name| name.rsplit('/').next()).expect("a name")
}

#[tokio::test]
async fn merges_and_conflicts_are_listed_with_their_reasons_and_decided() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let tenant = server.tenant("acme").await;
        let web = server.custom(&tenant, "web").await;
        let spec = Spec::track("Seen").identifier("cluid", "$.cluid").identifier("email", "$.email");
        server.published(&web, "seen", spec).await;
        let sees = async |body: Value| {
            let message = server.post(&web, body.to_string()).await.accepted();
            let trace = server.trace(&message).await;
            trace.runs[0].events[0].event.clone().expect("an event").profile
        };
        let people = |arguments: &[&str]| ask(&server, "profiles", arguments);

        // Two browsers of one person, and somebody else who borrowed one of them.
        let (phone, ann) =
            (json!({"cluid": cluid(1)}), json!({"cluid": cluid(2), "email": "ann@example.com"}));
        let both = json!({"cluid": cluid(1), "email": "ann@example.com"});
        let (older, younger) = (sees(phone).await, sees(ann).await);
        assert_ne!(older, younger);
        assert_eq!(sees(both.clone()).await, older);
        let merge = people(&["merges", "email:ann@example.com"]).remove(0);
        assert_eq!((&merge["winner"], &merge["loser"]), (&json!(older), &json!(younger)));
        assert_eq!(
            (&merge["identifierType"], &merge["identifierValue"]),
            (&json!("cluid"), &json!(cluid(1)))
        );
        let undone = people(&["undo", id(&merge["name"])]).remove(0);
        assert!(undone["undoTime"].is_string() && undone["undoneBy"] == "admin_token", "{undone}");
        let happened: Vec<String> = people(&["timeline", "email:ann@example.com"])
            .iter()
            .flat_map(|entry| entry.as_object().expect("an object").keys().cloned().collect::<Vec<_>>())
            .filter(|key| key != "time")
            .collect();
        for kind in ["event", "identifier", "merged", "undone"] {
            assert!(happened.iter().any(|known| known == kind), "{kind} in {happened:?}");
        }

        // The same evidence does not join them again, until the pair is lifted.
        assert_eq!(sees(both.clone()).await, younger);
        assert_eq!(people(&["conflicts"])[0]["rule"], "never_join");
        let pair = people(&["never-join", "list"]).remove(0);
        assert_eq!(people(&["never-join", "lift", id(&pair["name"])])[0]["lifted"], json!(id(&pair["name"])));
        assert_eq!(people(&["never-join", "list"]), Vec::<Value>::new());
        assert_eq!(sees(both).await, older);

        let borrowed = json!({"cluid": cluid(1), "email": "ben@example.com"});
        let ben = sees(borrowed.clone()).await;
        assert_ne!(ben, older);
        let refused = people(&["conflicts"]);
        let conflict = refused.iter().find(|one| one["rule"] == "weak_evidence").expect("why it was refused");
        assert_eq!((&conflict["profile"], &conflict["otherProfile"]), (&json!(ben), &json!(older)));
        let decided = people(&["decide", id(&conflict["name"]), "never"]).remove(0);
        assert_eq!(
            (&decided["state"], &decided["decidedBy"]),
            (&json!("STATE_NEVER_JOIN"), &json!("admin_token"))
        );
        assert_eq!(people(&["never-join", "list"]).len(), 1);
        assert_eq!(people(&["conflicts", "--state", "never-join"])[0]["name"], decided["name"]);

        let blocked = format!("cluid:{}", cluid(1));
        assert_eq!(people(&["block", &blocked])[0]["reason"], "REASON_PERSON");
        let known = people(&["get", &ben])[0]["identifiers"].clone();
        assert_eq!(sees(borrowed).await, ben);
        assert_eq!(people(&["get", &ben])[0]["identifiers"], known);
        assert_eq!(people(&["unblock", &blocked])[0]["unblocked"], json!(blocked));
        assert_eq!(people(&["block"]), Vec::<Value>::new());
    }
}

#[tokio::test]
async fn groups_are_listed_with_their_members_and_the_list_keeps_people_out() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let tenant = server.tenant("acme").await;
        let source = server.custom(&tenant, "crm").await;
        let spec = Spec::track("Contact").identifier("email", "$.email").group("account_id", "$.account");
        server.published(&source, "contact", spec).await;
        let status = async |email: &str| {
            let body = json!({"email": email, "account": "acme-1"});
            let message = server.post(&source, body.to_string()).await.accepted();
            server.run(&message).await.status.expect("a status")
        };
        for email in ["ann@example.com", "ben@example.com"] {
            assert_eq!(status(email).await.display_name, "Succeeded");
        }
        let groups = ask(&server, "groups", &["list", "--profile", "email:ann@example.com"]);
        assert_eq!((groups.len(), &groups[0]["value"]), (1, &json!("acme-1")), "{groups:?}");
        assert_eq!(ask(&server, "groups", &["members", "account_id:acme-1"]).len(), 2);

        let added = ask(&server, "suppressions", &["add", "email:ann@example.com", "--label", "asked us to"]);
        assert_eq!(added[0]["label"], "asked us to");
        assert!(!added[0].to_string().contains("ann@"), "whom it is of is not kept: {added:?}");
        let refused = status("Ann@Example.com").await;
        assert_eq!(refused.display_name, "Suppressed");
        let reason = refused.reason.expect("a reason");
        assert!(reason.message.contains("suppression list") && !reason.fix.is_empty(), "{reason:?}");
        assert_eq!(status("ben@example.com").await.display_name, "Succeeded");
        assert_eq!(ask(&server, "suppressions", &["list"]).len(), 1);
        let removed = ask(&server, "suppressions", &["remove", "email:ann@example.com"]);
        assert_eq!(removed[0]["removed_count"], 1);
        assert_eq!(status("ann@example.com").await.display_name, "Succeeded");
    }
}
