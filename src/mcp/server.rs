//! The server's answers: who it is, which tools it has, and calls, each on a thread of its own so that pings and
//! cancellations are answered meanwhile. Keeps no state between calls.

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ErrorData, Implementation, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use tokio::sync::mpsc;

use super::call::call;
use super::progress::{Client, Told};
use super::tools::{self, Name, Ready};
use super::{Closing, Offer};
use crate::config::Env;
use crate::hosted::service;
use crate::rules::users_policy;

/// See the module.
pub(super) struct Server {
    env: Env,
    offer: Offer,
    closing: Closing,
}

impl Server {
    pub(super) fn new(env: Env, offer: Offer, closing: Closing) -> Self {
        Self { env, offer, closing }
    }

    fn ready(&self) -> Ready {
        let policy = users_policy(&self.env);
        // A configuration that cannot be read is check_status' affair.
        let ready = policy.is_ok_and(|policy| service::is_set_up(&policy.hosted, &self.env));
        if ready { Ready::Yes } else { Ready::No }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let itself =
            Implementation::new("sef", env!("CARGO_PKG_VERSION")).with_title("SEF hosted generation");
        let config =
            ServerConfig::new(ServerCapabilities::builder().enable_tools().build()).with_server_info(itself);
        match self.offer {
            Offer::Tools => config.with_instructions(tools::instructions(self.ready())),
            Offer::Nothing => config,
        }
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(match self.offer {
            Offer::Tools => tools::list(self.ready()),
            Offer::Nothing => Vec::new(),
        }))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(name) = Name::of(&request.name) else {
            let known = Name::ALL.map(Name::as_str).join(", ");
            return Err(ErrorData::invalid_params(format!("unknown tool; there are {known}"), None));
        };
        let token = context.meta.get_progress_token();
        let (sender, mut news) = mpsc::unbounded_channel();
        let client = Client {
            cancelled: {
                let (request, closing) = (context.ct.clone(), self.closing.clone());
                Box::new(move || request.is_cancelled() || closing.is_set())
            },
            news: token.is_some().then_some(sender),
        };
        let (env, closing) = (self.env.clone(), self.closing.clone());
        let given = request.arguments.unwrap_or_default();
        // The client's view ends with the work, and with it the news.
        let work = tokio::task::spawn_blocking(move || call(&env, name, &given, &client, &closing));
        if let Some(token) = token {
            let mut told = Told::default();
            let mut count = 0.0;
            while let Some(news) = news.recv().await {
                let Some(sentence) = told.next(news) else { continue };
                if context.ct.is_cancelled() {
                    continue;
                }
                count += 1.0;
                let progress = ProgressNotificationParam::new(token.clone(), count).with_message(sentence);
                // Awaited, so that none comes after the result.
                let _ = context.peer.notify_progress(progress).await;
            }
        }
        let answer = work.await.map_err(|_| ErrorData::internal_error("the tool broke off", None))?;
        let result = if answer.failed {
            CallToolResult::structured_error(answer.value)
        } else {
            CallToolResult::structured(answer.value)
        };
        Ok(result.into())
    }
}
