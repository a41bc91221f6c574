//! The first half of every deployer command: connect, read what is there, plan.

use crate::aws::Clients;
use crate::config::Settings;
use crate::engine::Ownership;
use crate::engine::plan::Plan;
use crate::engine::read::read;
use crate::error::Result;
use crate::package::SourceDigest;
use crate::resources::{self, Kind, World};
use crate::stack::{Names, Wanted, wanted};
use std::sync::Arc;

/// What is there, and what would be done about it.
#[derive(Debug)]
pub(crate) struct Survey {
    /// The clients and facts.
    pub(crate) world: Arc<World>,
    /// What would be done.
    pub(crate) plan: Plan<Kind>,
}

impl Survey {
    /// Against the wanted stack.
    pub(crate) async fn converge(
        settings: &Settings,
        clients: Clients,
        digest: &SourceDigest,
        adopt: bool,
    ) -> Result<Self> {
        let world = open(settings, clients, adopt).await?;
        let wanted = wanted(
            &Wanted {
                settings,
                digest: Some(digest),
                with_logging_role: false,
            },
            &world,
        );
        let (seen, strays) =
            tokio::try_join!(read(&wanted, &world), resources::strays(&world, false))?;
        let plan = Plan::converge(seen, strays, &world);
        Ok(Self { world, plan })
    }

    /// Against an empty stack.
    pub(crate) async fn teardown(settings: &Settings, clients: Clients) -> Result<Self> {
        let world = open(settings, clients, false).await?;
        look_for_others(&world).await?;
        let plan = plan_teardown(settings, &world).await?;
        Ok(Self { world, plan })
    }
}

/// The same place seen anew: nothing that was read before is believed.
pub(crate) async fn reopened(settings: &Settings, before: &World) -> Result<Arc<World>> {
    let (clients, names) = (before.clients.clone(), before.names.clone());
    let world = World::open(clients, names, settings.tags.clone(), false).await?;
    look_for_others(&world).await?;
    Ok(Arc::new(world))
}

/// Whoever logs through the account's role, apart from what goes now.
async fn look_for_others(world: &World) -> Result<()> {
    let gateway = world.gateway();
    let ours = gateway.ownership(&world.names) == Ownership::Ours;
    let going = gateway.api.iter().filter(|_| ours).chain(&gateway.twins);
    let going: Vec<_> = going.filter_map(|api| api.api_id.clone()).collect();
    world
        .account_role
        .look_for_others(&world.clients, &going)
        .await
}

/// What is still there, as a plan to delete it.
pub(crate) async fn plan_teardown(settings: &Settings, world: &Arc<World>) -> Result<Plan<Kind>> {
    let of = Wanted {
        settings,
        digest: None,
        with_logging_role: true,
    };
    let wanted = wanted(&of, world);
    let (seen, strays) = tokio::try_join!(read(&wanted, world), resources::strays(world, true))?;
    Ok(Plan::teardown(seen, strays, world))
}

async fn open(settings: &Settings, clients: Clients, adopt: bool) -> Result<Arc<World>> {
    let names = Names::new(settings, &clients.place);
    let world = World::open(clients, names, settings.tags.clone(), adopt).await?;
    Ok(Arc::new(world))
}
