// Results in MicroRemed's shape: one JSON of the conversation per experiment and its summary
// figures, for scripts that read these.
#pragma once

#include "experiments/results/ledger.hpp"

#include <filesystem>
#include <vector>

namespace remed::experiments {

/// {"metadata": {generated_at, final_status, retries, token_count, remediation_time, …},
/// "conversation": [messages]} of one experiment's folder. token_count is MicroRemed's estimate, a
/// quarter of the messages' characters; what the provider counted stands beside it.
result<json> conversation_document(const std::filesystem::path& experiment_folder);

/// Its figures. As there, what could not be injected (and here, what was not judged) leaves the
/// denominator.
json microremed_summary(const std::vector<bench_results>& benches);

/// Writes TARGET_FAULT_TIME.json of every finished experiment and summary.json.
result<void> save_conversations(const std::vector<bench_results>& benches,
                                const std::filesystem::path& folder);

} // namespace remed::experiments
