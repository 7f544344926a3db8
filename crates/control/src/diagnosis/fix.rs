//! The lines to change, for each product: what a person pastes into its configuration.

use super::product::Product;

/// What is to be mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fix {
    /// WebSockets get through.
    Upgrade,
    /// And keep their subprotocol.
    Subprotocol,
    /// And are left alone while nothing is said on them.
    Idle,
    /// `Authorization` gets through.
    Authorization,
    /// Edge and Prefect have credentials of their own.
    Conflict,
    /// The base path is taken off, or known to Prefect.
    BasePath,
    /// `/api` gets through.
    Api,
    /// Large requests do.
    Body,
    /// Slow answers do.
    Timeout,
    /// The edge finds Prefect.
    Upstream,
    /// Prefect's token headers get through.
    Csrf,
}

/// What to change in that product; where it is not known, in any.
pub(super) fn lines(fix: Fix, product: Option<Product>) -> String {
    use Product as P;
    let text = match (fix, product) {
        (Fix::Upgrade, Some(P::Nginx)) => {
            "In nginx, in the `location` that has Prefect's `proxy_pass`: `proxy_http_version 1.1; \
             proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\"; proxy_read_timeout 1h;`"
        }
        (Fix::Upgrade, Some(P::Traefik)) => {
            "Traefik passes WebSockets on by itself: look for a `headers` middleware that sets `Connection` or \
             `Upgrade`, and at what stands between Traefik and Prefect."
        }
        (Fix::Upgrade, Some(P::Caddy)) => {
            "Caddy's `reverse_proxy` passes WebSockets on by itself: take out `header_up -Upgrade`, `header_up \
             -Connection` or a `@websocket` matcher that leads elsewhere, and look at what stands behind Caddy."
        }
        (Fix::Upgrade, Some(P::HaProxy)) => {
            "HAProxy passes WebSockets on by itself in `mode http`: take out the rules that delete or set `Upgrade` or \
             `Connection`, and set `timeout tunnel 1h`."
        }
        (Fix::Upgrade, Some(P::Cloudflare | P::CloudflareAccess)) => {
            "In Cloudflare's dashboard, under Network, turn WebSockets on; then look at what stands behind it."
        }
        (Fix::Upgrade, Some(P::AwsAlb)) => {
            "The load balancer passes WebSockets on where its target group's protocol version is HTTP1; set its idle \
             timeout to 3600 seconds."
        }
        (Fix::Upgrade, _) => {
            "The edge must pass WebSockets on: nginx takes `proxy_http_version 1.1; proxy_set_header Upgrade \
             $http_upgrade; proxy_set_header Connection \"upgrade\"; proxy_read_timeout 1h;`. HAProxy, Caddy and \
             Traefik do it unless a rule drops `Upgrade` or `Connection`."
        }
        (Fix::Idle, Some(P::Nginx)) => {
            "In nginx, in the `location` that has Prefect's `proxy_pass`: `proxy_read_timeout 1h; proxy_send_timeout 1h;`. \
             Prefect says something every 20 seconds; less than that cuts every socket."
        }
        (Fix::Idle, Some(P::HaProxy)) => {
            "In HAProxy: `timeout tunnel 1h`. Prefect says something every 20 seconds; less than that cuts every socket."
        }
        (Fix::Idle, Some(P::Caddy)) => {
            "In Caddy's `reverse_proxy`, take out `stream_timeout`; and look at what stands behind Caddy. Prefect says \
             something every 20 seconds; less than that cuts every socket."
        }
        (Fix::Idle, Some(P::AwsAlb)) => "Set the load balancer's idle timeout to 3600 seconds.",
        (Fix::Idle, _) => {
            "The edge must leave WebSockets open for longer than the 20 seconds between two words of Prefect's (nginx: \
             `proxy_read_timeout 1h;`; HAProxy: `timeout tunnel 1h`)."
        }
        (Fix::Subprotocol, Some(P::Nginx)) => {
            "In nginx, take out the line that empties it (`proxy_set_header Sec-WebSocket-Protocol …`), or set it to \
             `$http_sec_websocket_protocol`."
        }
        (Fix::Subprotocol, Some(P::Caddy)) => "In Caddy, take out `header_up -Sec-WebSocket-Protocol`.",
        (Fix::Subprotocol, Some(P::HaProxy)) => {
            "In HAProxy, take out `http-request del-header Sec-WebSocket-Protocol`."
        }
        (Fix::Subprotocol, _) => "The edge must pass on the request's `Sec-WebSocket-Protocol` header.",
        (Fix::Authorization, Some(P::Nginx)) => {
            "In nginx, take out `proxy_set_header Authorization \"\";` (or `proxy_pass_request_headers off;`) where \
             Prefect's `proxy_pass` is."
        }
        (Fix::Authorization, Some(P::Traefik)) => {
            "In Traefik, set `removeHeader: false` in the `basicAuth` middleware, or take the `headers` middleware \
             out that empties `Authorization`."
        }
        (Fix::Authorization, Some(P::Caddy)) => "In Caddy, take out `header_up -Authorization`.",
        (Fix::Authorization, Some(P::HaProxy)) => "In HAProxy, take out `http-request del-header Authorization`.",
        (Fix::Authorization, Some(P::OAuth2Proxy)) => {
            "Start oauth2-proxy with `--skip-auth-strip-headers=false` and `--pass-basic-auth=false`."
        }
        (Fix::Authorization, _) => {
            "The edge must pass the request's `Authorization` header on to Prefect: in nginx, without \
             `proxy_set_header Authorization \"\"`; in Traefik's `basicAuth`, `removeHeader: false`; in Caddy, without \
             `header_up -Authorization`; in HAProxy, without `http-request del-header Authorization`."
        }
        (Fix::Conflict, Some(P::Nginx)) => {
            "In nginx, beside Prefect's `proxy_pass`: `proxy_set_header Authorization \"Basic …\";` with what \
             `printf %s 'user:password' | base64` makes of Prefect's auth string. Or let both have the same user name \
             and password."
        }
        (Fix::Conflict, Some(P::Traefik)) => {
            "In Traefik, after `basicAuth`, a `headers` middleware with `customRequestHeaders: Authorization: Basic …`, \
             where … is what `printf %s 'user:password' | base64` makes of Prefect's auth string. Or let both have the \
             same user name and password."
        }
        (Fix::Conflict, Some(P::Caddy)) => {
            "In Caddy, in `reverse_proxy`: `header_up Authorization \"Basic …\"` with what `printf %s 'user:password' | \
             base64` makes of Prefect's auth string. Or let both have the same user name and password."
        }
        (Fix::Conflict, Some(P::HaProxy)) => {
            "In HAProxy, after `http-request auth`: `http-request set-header Authorization \"Basic …\"` with what \
             `printf %s 'user:password' | base64` makes of Prefect's auth string. Or let both have the same user name \
             and password."
        }
        (Fix::Conflict, _) => {
            "Let the edge set `Authorization` to Prefect's own credential when it passes a request on (`Basic` and \
             what `printf %s 'user:password' | base64` makes of Prefect's auth string), or give both the same user \
             name and password."
        }
        (Fix::BasePath, Some(P::Nginx)) => {
            "In nginx, let `proxy_pass` end in a slash, which takes the path off: `location /BASE/ { proxy_pass \
             http://PREFECT:4200/; }`. Or tell Prefect of it: `PREFECT_UI_SERVE_BASE=/BASE` and \
             `PREFECT_SERVER_API_BASE_PATH=/BASE/api`."
        }
        (Fix::BasePath, Some(P::Caddy)) => {
            "In Caddy, use `handle_path /BASE/*` in place of `handle`. Or tell Prefect of it: \
             `PREFECT_UI_SERVE_BASE=/BASE` and `PREFECT_SERVER_API_BASE_PATH=/BASE/api`."
        }
        (Fix::BasePath, Some(P::Traefik)) => {
            "In Traefik, add a `stripPrefix` middleware for /BASE. Or tell Prefect of it: \
             `PREFECT_UI_SERVE_BASE=/BASE` and `PREFECT_SERVER_API_BASE_PATH=/BASE/api`."
        }
        (Fix::BasePath, Some(P::HaProxy)) => {
            "In HAProxy, add `http-request replace-path /BASE/(.*) /\\1`. Or tell Prefect of it: \
             `PREFECT_UI_SERVE_BASE=/BASE` and `PREFECT_SERVER_API_BASE_PATH=/BASE/api`."
        }
        (Fix::BasePath, _) => {
            "Let the edge take the path off (nginx: `location /BASE/ { proxy_pass http://PREFECT:4200/; }`; Caddy: \
             `handle_path`; Traefik: `stripPrefix`), or tell Prefect of it: `PREFECT_UI_SERVE_BASE=/BASE` and \
             `PREFECT_SERVER_API_BASE_PATH=/BASE/api`."
        }
        (Fix::Api, Some(P::Nginx)) => {
            "In nginx, pass the API on as well: `location /api/ { proxy_pass http://PREFECT:4200/api/; }`, below the \
             UI's base path."
        }
        (Fix::Api, _) => "Let the edge pass `/api` on to Prefect as well, below the UI's base path.",
        (Fix::Body, Some(P::Nginx)) => {
            "In nginx: `client_max_body_size 8m;` where Prefect's `proxy_pass` is. Clients send logs in parts of up to \
             4 MB."
        }
        (Fix::Body, Some(P::Traefik)) => {
            "In Traefik's `buffering` middleware: `maxRequestBodyBytes: 8000000`. Clients send logs in parts of up to 4 MB."
        }
        (Fix::Body, Some(P::Caddy)) => {
            "In Caddy: `request_body { max_size 8MB }`. Clients send logs in parts of up to 4 MB."
        }
        (Fix::Body, Some(P::HaProxy)) => {
            "In HAProxy, raise the limit in the rule that looks at `req.body_size` or `req.hdr(content-length)` to \
             8000000. Clients send logs in parts of up to 4 MB."
        }
        (Fix::Body, _) => {
            "Let the edge take requests of 8 MB (nginx: `client_max_body_size 8m;`). Clients send logs in parts of up \
             to 4 MB."
        }
        (Fix::Timeout, Some(P::Nginx)) => {
            "In nginx: `proxy_read_timeout 300s;` where Prefect's `proxy_pass` is; and look whether Prefect and its \
             database are up."
        }
        (Fix::Timeout, Some(P::HaProxy)) => {
            "In HAProxy: `timeout server 300s`, and `timeout tunnel 1h` for WebSockets; and look whether Prefect and \
             its database are up."
        }
        (Fix::Timeout, Some(P::Traefik)) => {
            "In Traefik's `serversTransport`: `forwardingTimeouts.responseHeaderTimeout: 300s`; and look whether \
             Prefect and its database are up."
        }
        (Fix::Timeout, Some(P::Caddy)) => {
            "In Caddy's `reverse_proxy`: `transport http { response_header_timeout 5m }`; and look whether Prefect and \
             its database are up."
        }
        (Fix::Timeout, _) => {
            "Give the edge more patience with Prefect's answers (nginx: `proxy_read_timeout 300s;`), and look whether \
             Prefect and its database are up."
        }
        (Fix::Upstream, Some(P::Nginx)) => {
            "Ask who runs the server whether Prefect is up, and whether nginx's `proxy_pass` leads to its host and port: \
             in a container, `localhost` is the container."
        }
        (Fix::Upstream, Some(P::Caddy)) => {
            "Ask who runs the server whether Prefect is up, and whether Caddy's `reverse_proxy` leads to its host and port."
        }
        (Fix::Upstream, Some(P::HaProxy)) => {
            "Ask who runs the server whether Prefect is up, and whether HAProxy's `server` line leads to its host and \
             port and its check asks for `/api/health`."
        }
        (Fix::Upstream, _) => {
            "Ask who runs the server whether Prefect and its database are up, and whether the edge leads to its host \
             and port."
        }
        (Fix::Csrf, Some(P::Nginx)) => {
            "In nginx, take out what empties `Prefect-Csrf-Token` or `Prefect-Csrf-Client` \
             (`proxy_set_header`, `proxy_pass_request_headers off;`)."
        }
        (Fix::Csrf, _) => {
            "The edge must pass on the headers `Prefect-Csrf-Token` and `Prefect-Csrf-Client`, and several copies of \
             the server must share one database."
        }
    };
    text.to_owned()
}

/// How a program gets past a place that makes people sign in.
pub(super) fn sign_in(product: Option<Product>, has_headers: bool) -> String {
    use Product as P;
    let refused = if has_headers { "The headers that the profile has are not accepted. " } else { "" };
    let how = match product {
        Some(P::CloudflareAccess) => {
            "Ask for a service token and a policy with the action “Service Auth” for it, and give its two headers: \
             CF-Access-Client-Id and CF-Access-Client-Secret (`postern edit ID --header CF-Access-Client-Id --header \
             CF-Access-Client-Secret`)."
        }
        Some(P::OAuth2Proxy) => {
            "Ask for a token that oauth2-proxy takes from programs: it must run with `--skip-jwt-bearer-tokens=true`, \
             and the profile shows the token (`postern edit ID --edge-token`)."
        }
        Some(P::GoogleIap) => {
            "Ask for an ID token of a service account that has the role “IAP-secured Web App User”, and give it as \
             token (`postern edit ID --edge-token`)."
        }
        Some(P::Authelia) => {
            "Ask for a rule with `policy: one_factor`, and give Authelia's user name and password: it can take Basic from \
             programs (`postern edit ID --edge-username NAME`)."
        }
        Some(P::AwsAlb) => {
            "The load balancer's `authenticate-oidc` takes nothing from programs: ask for a listener rule for `/api/*` \
             that forwards what has a secret header, and give that header (`postern edit ID --header NAME`)."
        }
        Some(P::AzureAppProxy) => {
            "Ask for an access token of an app registration that may use the application, and give it as token \
             (`postern edit ID --edge-token`); or for passthrough as its pre-authentication."
        }
        _ => "Ask who runs the server for a service token, and add its headers to the profile.",
    };
    format!("{refused}{how}")
}
