#include "experiments/results/ledger.hpp"

#include "experiments/results/database.hpp"
#include "experiments/results/documents.hpp"
#include "runtime/paths.hpp"
#include "tests/experiments/results_support.hpp"
#include "tests/support/scratch.hpp"

#include <fstream>

using namespace remed;
using namespace remed::experiments;
using namespace remed::test;

namespace fs = std::filesystem;

namespace {

/// All of a table as text; `log` has the times of files and is left out.
std::string contents(const fs::path& file) {
  auto db = database::open(file);
  REQUIRE(db);
  std::string out;
  for (const auto* table : {"experiment", "flag", "bench"}) {
    REQUIRE(db->run(std::string("SELECT * FROM ") + table + " ORDER BY 1, 2", {},
                    [&](const std::vector<json>& row) { out += json(row).dump() + "\n"; }));
  }
  return out;
}

} // namespace

TEST_CASE("a ledger that is deleted comes back with the same content") {
  scratch_folder folder;
  small_bench bench;
  bench.request.models = {"runbook", "delete-fault"};
  bench.conditions.visibility = "visible";
  const auto done = bench.play(folder.path, 26);
  REQUIRE(done);
  const auto first = read_bench(folder.path);
  REQUIRE_MESSAGE(first.ok(), (first ? "" : first.why().what));
  REQUIRE_EQ(first->entries.size(), 26);
  for (std::size_t i = 0; i < done->size(); ++i) {
    CHECK_EQ(json(first->entries[i].what), json(done->at(i)));
    CHECK_EQ(first->entries[i].state, entry_state::finished);
  }
  const auto before = contents(folder.path / "ledger.sqlite");
  fs::remove(folder.path / "ledger.sqlite");
  const auto again = read_bench(folder.path);
  REQUIRE(again);
  CHECK_EQ(contents(folder.path / "ledger.sqlite"), before);
  CHECK_EQ(to_csv({*first}), to_csv({*again}));
}

TEST_CASE("a ledger reads only logs that changed, and drops what a broken file says") {
  scratch_folder folder;
  small_bench bench;
  const auto done = bench.play(folder.path, 3);
  REQUIRE(done);
  REQUIRE(read_bench(folder.path));
  {
    auto db = database::open(folder.path / "ledger.sqlite");
    REQUIRE(db->run("UPDATE experiment SET detail = 'edited'"));
  }
  CHECK_EQ(read_bench(folder.path)->entries[0].what.detail, "edited");
  fs::last_write_time(folder.path / done->at(0).id / "events.jsonl",
                      fs::file_time_type::clock::now());
  const auto changed = read_bench(folder.path);
  CHECK_EQ(changed->entries[0].what.detail, "");
  CHECK_EQ(changed->entries[1].what.detail, "edited");
  CHECK_EQ(read_bench(folder.path, true)->entries[1].what.detail, "");
  std::ofstream(folder.path / "ledger.sqlite") << "this is no database";
  CHECK_EQ(read_bench(folder.path)->entries.size(), 3);
}

TEST_CASE("what has no result is in the ledger as unfinished or not run") {
  scratch_folder folder;
  small_bench bench;
  const auto done = bench.play(folder.path, 3);
  REQUIRE(done);
  fs::remove_all(folder.path / done->at(0).id);
  const auto log = folder.path / done->at(1).id / "events.jsonl";
  const auto text = read_file(log);
  std::ofstream(log, std::ios::binary) << text->substr(0, text->size() / 2);
  const auto read = read_bench(folder.path);
  REQUIRE(read);
  CHECK_EQ(read->entries[0].state, entry_state::not_run);
  CHECK_EQ(read->entries[0].what.id, done->at(0).id);
  CHECK_EQ(read->entries[1].state, entry_state::unfinished);
  CHECK_EQ(read->entries[2].state, entry_state::finished);
}
