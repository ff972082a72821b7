// What hangs below an object: scale, status, log, exec and its kin, eviction, token; and reviews,
// which are questions written as objects; and metrics, which are not stored.
#pragma once

#include "environments/embedded/api/context.hpp"

namespace remed::env {

tools::http_response get_scale(const api_call& call);
tools::http_response write_scale(const api_call& call);
tools::http_reply read_log(const api_call& call);
/// pods/exec and pods/attach.
tools::http_reply open_exec(const api_call& call);
tools::http_reply open_portforward(const api_call& call);
/// pods/proxy and services/proxy: the request goes to the simulated application.
tools::http_reply proxy_request(const api_call& call);
tools::http_response evict_pod(const api_call& call);
tools::http_response issue_token(const api_call& call);
/// SelfSubjectAccessReview and its kin, SelfSubjectReview, TokenReview.
tools::http_response answer_review(const api_call& call);
/// metrics.k8s.io/v1beta1: nodes[/N], pods, namespaces/NS/pods[/P].
tools::http_response read_metrics(const api_call& call);

} // namespace remed::env
