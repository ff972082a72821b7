// Tables: what `kubectl get` prints. Columns are data (schemas/columns.json); cells follow the
// printers of kube-apiserver.
#pragma once

#include "environments/embedded/api/resources.hpp"
#include "runtime/time.hpp"
#include "tools/shown_table.hpp"

#include <memory>
#include <string>
#include <vector>

namespace remed::env {

/// How much of each object goes with its row.
enum class row_object { none, metadata, full };

/// A Table (meta.k8s.io/`version`) of these objects, without list metadata.
json make_table(const resource_type& type, const std::vector<json>& objects, vtime now,
                row_object include, const std::string& version, bool with_columns = true);

/// What such a table says of its columns.
json columns_of(const resource_type& type);

/// The same, as much of it as is shown.
std::shared_ptr<const std::vector<tools::shown_table::column>> shown_columns(
    const resource_type& type);

/// The cells of one object, as many as the kind has columns.
json cells_of(const resource_type& type, const json& obj, vtime now);
/// The same of a stored object, which keeps what does not depend on the time.
json cells_of(const resource_type& type, const object& obj, vtime now);
/// Appends them as texts.
void append_cells(const resource_type& type, const object& obj, vtime now,
                  std::vector<std::string>& out);
/// Cells of a built-in kind; null when it has no printer of its own.
json builtin_cells(const std::string& plural, const json& obj, vtime now);

/// {kind: PartialObjectMetadata, …, metadata}
json partial_metadata(const json& obj, const std::string& version);

/// The value at a JSONPath of an additionalPrinterColumn (".spec.x", ".a[0].b",
/// ".c[?(@.type=='R')].status"), or null.
json json_path(const json& obj, const std::string& path);

/// "5m3s" since a time stamp; "<unknown>" when there is none.
std::string age_of(const json& stamp, vtime now);

} // namespace remed::env
