// Chaos Mesh v2.7 as an embedded cluster runs it: what `kubectl` sees of it, and the controllers
// that turn its objects into effects.
#pragma once

#include "environments/embedded/boot.hpp"
#include "environments/embedded/cluster.hpp"
#include "environments/embedded/embedded_environment.hpp"

namespace remed::chaos {

/// The standard rules of a cluster and Chaos Mesh's controllers and admission webhooks.
env::cluster_rules chaos_rules();

/// Installs it in a cluster that runs by these rules: CRDs, namespace, service accounts. Before the
/// cluster is forked. Fails (errc::bad_input) when the shipped CRDs cannot be read.
result<void> install_chaos(env::cluster& c);

/// What agents must not see of it, for an environment with hidden injection.
env::hidden_rules chaos_hidden();

} // namespace remed::chaos
