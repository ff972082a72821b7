// Who may harm what: an experiment needs the right to make its kind wherever its selectors reach.
#pragma once

#include "chaos/mesh/kinds.hpp"

namespace remed::chaos::mesh {

/// Refuses a spec whose selectors reach namespaces in which the asker may not make this kind.
/// As in upstream's pkg/webhook/auth_validator.go, the resource is the kind in lower case.
result<void> check_rights(const env::admission_request& asked, const std::string& kind,
                          const json& spec);

} // namespace remed::chaos::mesh
