// Request bodies in Kubernetes' protobuf form (kubectl >= 1.32 creates with it): the envelope
// "k8s\0" + Unknown, whose fields are read after schemas/wire.json.
#pragma once

#include "runtime/json_value.hpp"
#include "runtime/result.hpp"

#include <string>
#include <string_view>

namespace remed::env {

/// A decoded body, or why it could not be; what its envelope said is there in both cases.
struct protobuf_body {
  json value;
  std::string api_version, kind; ///< empty: the envelope itself is broken
  std::string error;             ///< as the apiserver's decoder says it; empty: none
};

protobuf_body read_protobuf(std::string_view body);

} // namespace remed::env
