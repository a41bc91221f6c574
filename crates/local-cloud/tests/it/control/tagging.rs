//! What is made with tags needs the right to tag it, beside the right to make it.

use super::{LAMBDA_TRUST, cloud, refusal, session};
use aws_sdk_apigatewayv2::types::ProtocolType;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, Tag,
};

/// Every right but those to tag.
const UNTAGGED: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"*","Resource":"*"},
    {"Effect":"Deny","Action":["*:TagResource","iam:TagRole"],"Resource":"*"}]}"#;

/// The action and the resource that a refusal names.
fn denied((_, words): (String, String)) -> String {
    let (_, rest) = words.split_once("not authorized to perform: ").unwrap();
    rest.split_once(" with ").unwrap().0.to_owned()
}

#[tokio::test]
async fn what_is_made_with_tags_needs_the_right_to_tag_it() {
    let cloud = cloud().await;
    let config = session(&cloud, "untagged", UNTAGGED).await;
    let iam = aws_sdk_iam::Client::new(&config);
    let tag = aws_sdk_iam::types::Tag::builder().key("k").value("v");
    let role = iam.create_role().role_name("r").tags(tag.build().unwrap());
    let role = role.assume_role_policy_document(LAMBDA_TRUST).send().await;
    assert_eq!(
        denied(refusal(role)),
        "iam:TagRole on resource: arn:aws:iam::000000000000:role/r"
    );
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config);
    let group = logs.create_log_group().log_group_name("g");
    let group = group.tags("k", "v").send().await;
    assert_eq!(
        denied(refusal(group)),
        "logs:TagResource on resource: arn:aws:logs:us-east-1:000000000000:log-group:g"
    );
    let gateway = aws_sdk_apigatewayv2::Client::new(&config);
    let api = gateway.create_api().name("a");
    let api = api.protocol_type(ProtocolType::Websocket);
    let api = api.route_selection_expression("$request.body.action");
    let api = api.send().await.unwrap();
    let id = api.api_id().unwrap();
    let stage = gateway.create_stage().api_id(id).stage_name("s");
    let stage = stage.tags("k", "v").send().await;
    assert_eq!(
        denied(refusal(stage)),
        format!(
            "apigateway:TagResource on resource: arn:aws:apigateway:us-east-1::/apis/{id}/stages"
        )
    );
    assert_eq!(
        denied(refusal(table(&config).await)),
        "dynamodb:TagResource on resource: arn:aws:dynamodb:us-east-1:000000000000:table/ttt"
    );
    cloud.stop().await;
}

async fn table(
    config: &aws_config::SdkConfig,
) -> Result<
    aws_sdk_dynamodb::operation::create_table::CreateTableOutput,
    aws_sdk_dynamodb::error::SdkError<aws_sdk_dynamodb::operation::create_table::CreateTableError>,
> {
    let key = KeySchemaElement::builder().attribute_name("pk");
    let attribute = AttributeDefinition::builder().attribute_name("pk");
    let attribute = attribute.attribute_type(ScalarAttributeType::S);
    aws_sdk_dynamodb::Client::new(config)
        .create_table()
        .table_name("ttt")
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key.key_type(KeyType::Hash).build().unwrap())
        .attribute_definitions(attribute.build().unwrap())
        .tags(Tag::builder().key("k").value("v").build().unwrap())
        .send()
        .await
}

#[tokio::test]
async fn tags_of_an_api_are_a_resource_of_their_own_and_its_arn_stays_encoded() {
    let cloud = cloud().await;
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"apigateway:*","Resource":"arn:aws:apigateway:us-east-1::/apis*"}]}"#;
    let config = session(&cloud, "untagged", policy).await;
    let gateway = aws_sdk_apigatewayv2::Client::new(&config);
    let arn = "arn:aws:apigateway:us-east-1::/apis/abc";
    let tagged = gateway.tag_resource().resource_arn(arn).tags("k", "v");
    let (code, words) = refusal(tagged.send().await);
    assert_eq!(code, "AccessDeniedException");
    let on = "apigateway:POST on resource: arn:aws:apigateway:us-east-1::/tags/\
              arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2Fabc because";
    assert!(words.contains(on), "{words}");
    cloud.stop().await;
}
