#include "experiments/results/ledger.hpp"

#include "experiments/results/account.hpp"
#include "experiments/results/database.hpp"

#include <algorithm>
#include <map>
#include <system_error>

namespace remed::experiments {

namespace fs = std::filesystem;

namespace {

/// Changes with the tables: a ledger of another version is made anew.
constexpr int ledger_version = 1;

const json& prototype() {
  static const json fields = record{};
  return fields;
}

/// "id", "scenario", …: a record's fields in the order of its JSON.
std::vector<std::string> record_columns() {
  std::vector<std::string> out;
  for (const auto& [key, value] : prototype().items()) out.push_back(key);
  return out;
}

std::string type_of(const json& value) {
  if (value.is_number_float()) return "REAL";
  return value.is_number() || value.is_boolean() ? "INTEGER" : "TEXT";
}

std::string create_experiments() {
  std::string out =
      "CREATE TABLE experiment (place INTEGER PRIMARY KEY, state TEXT, attempts INTEGER, "
      "attempts_cost_usd REAL";
  for (const auto& [key, value] : prototype().items()) {
    out += ", \"" + key + "\" " + type_of(value);
  }
  return out + ")";
}

json from_cell(const json& like, const json& cell) {
  if (like.is_boolean()) return json(cell.is_number() && cell.get<std::int64_t>() != 0);
  if (!like.is_structured()) return cell;
  auto parsed = parse_json(cell.is_string() ? cell.get<std::string>() : "null");
  return parsed ? *parsed : like;
}

/// Sizes and times of what a row was read from; equal ones need not be read again.
struct log_mark {
  std::int64_t bytes = -1, changed = 0, attempts = 0;
  bool operator==(const log_mark&) const = default;
};

log_mark mark_of(const fs::path& folder, const std::string& id) {
  log_mark m;
  std::error_code ec;
  const auto file = folder / id / "events.jsonl";
  const auto size = fs::file_size(file, ec);
  if (!ec) {
    m.bytes = static_cast<std::int64_t>(size);
    m.changed = fs::last_write_time(file, ec).time_since_epoch().count();
  }
  for (fs::directory_iterator it(folder / "attempts" / id, ec), end; !ec && it != end;
       it.increment(ec)) {
    ++m.attempts;
  }
  return m;
}

ledger_entry read_entry(const fs::path& folder, const experiment_spec& spec, const log_mark& mark) {
  ledger_entry e;
  e.what = make_record(spec, {});
  e.what.outcome = outcome_kind::cancelled;
  if (mark.bytes >= 0) {
    const auto read = read_account(folder / spec.id / "events.jsonl");
    e.state = read && read->ended() ? entry_state::finished : entry_state::unfinished;
    if (read && !read->so_far().id.empty()) e.what = read->so_far();
    if (!read) e.what.detail = read.why().what;
  }
  e.attempts = mark.attempts;
  for (std::int64_t n = 1; n <= mark.attempts; ++n) {
    const auto file = folder / "attempts" / spec.id / std::to_string(n) / "events.jsonl";
    const auto read = read_account(file);
    if (read) e.attempts_cost_usd += std::max(0.0, read->so_far().cost_usd);
  }
  return e;
}

/// The ledger's file, opened; each step that fails makes all that follow do nothing.
class ledger {
public:
  explicit ledger(database db) : db_(std::move(db)) {}

  result<void> refresh(const fs::path& folder, const bench_manifest& m) {
    run("BEGIN IMMEDIATE");
    if (version() != ledger_version) create(m);
    const auto known = marks();
    for (std::size_t i = 0; i < m.plan.size() && status_; ++i) {
      const auto mark = mark_of(folder, m.plan[i].id);
      const auto at = known.find(m.plan[i].id);
      if (at != known.end() && at->second == mark) continue;
      put(i, read_entry(folder, m.plan[i], mark), mark);
    }
    run(status_ ? "COMMIT" : "ROLLBACK");
    return status_;
  }

  result<std::vector<ledger_entry>> entries() {
    std::vector<ledger_entry> out;
    std::string columns;
    for (const auto& name : record_columns()) columns += ", \"" + name + "\"";
    run("SELECT state, attempts, attempts_cost_usd" + columns + " FROM experiment ORDER BY place",
        {}, [&](const std::vector<json>& row) { out.push_back(entry_of(row)); });
    if (!status_) return status_.why();
    return out;
  }

private:
  void run(const std::string& statement, const std::vector<json>& values = {},
           const std::function<void(const std::vector<json>&)>& row = {}) {
    if (!status_ && statement != "ROLLBACK") return;
    auto done = db_.run(statement, values, row);
    if (status_) status_ = done;
  }

  int version() {
    int v = 0;
    run("PRAGMA user_version", {}, [&](const std::vector<json>& row) { v = row.at(0).get<int>(); });
    return v;
  }

  void create(const bench_manifest& m) {
    for (const auto* table : {"experiment", "flag", "bench", "log"}) {
      run(std::string("DROP TABLE IF EXISTS ") + table);
    }
    run(create_experiments());
    run("CREATE TABLE flag (id TEXT, flag TEXT)");
    run("CREATE TABLE bench (key TEXT PRIMARY KEY, value TEXT)");
    run("CREATE TABLE log (id TEXT PRIMARY KEY, bytes INTEGER, changed INTEGER, attempts INTEGER)");
    auto about = json(m);
    about.erase("plan");
    for (const auto& [key, value] : about.items()) {
      run("INSERT INTO bench VALUES (?, ?)", {json(key), value});
    }
    run("PRAGMA user_version = " + std::to_string(ledger_version));
  }

  std::map<std::string, log_mark> marks() {
    std::map<std::string, log_mark> out;
    run("SELECT id, bytes, changed, attempts FROM log", {}, [&](const std::vector<json>& row) {
      out[row[0].get<std::string>()] = {row[1].get<std::int64_t>(), row[2].get<std::int64_t>(),
                                        row[3].get<std::int64_t>()};
    });
    return out;
  }

  void put(std::size_t position, const ledger_entry& e, const log_mark& mark) {
    std::vector<json> values{json(position), json(std::string(to_string(e.state))),
                             json(e.attempts), json(e.attempts_cost_usd)};
    std::string places = "?, ?, ?, ?";
    const json fields = e.what;
    for (const auto& [key, value] : fields.items()) {
      values.push_back(value);
      places += ", ?";
    }
    run("INSERT OR REPLACE INTO experiment VALUES (" + places + ")", values);
    run("DELETE FROM flag WHERE id = ?", {json(e.what.id)});
    for (const auto& flag : e.what.flags) {
      run("INSERT INTO flag VALUES (?, ?)", {json(e.what.id), json(flag)});
    }
    run("INSERT OR REPLACE INTO log VALUES (?, ?, ?, ?)",
        {json(e.what.id), json(mark.bytes), json(mark.changed), json(mark.attempts)});
  }

  static ledger_entry entry_of(const std::vector<json>& row) {
    ledger_entry e;
    e.state = row[0].get<entry_state>();
    e.attempts = row[1].get<std::int64_t>();
    e.attempts_cost_usd = row[2].get<double>();
    json fields = json::object();
    std::size_t at = 3;
    for (const auto& [key, like] : prototype().items()) fields[key] = from_cell(like, row[at++]);
    e.what = fields.get<record>();
    return e;
  }

  database db_;
  result<void> status_;
};

result<std::vector<ledger_entry>> through_ledger(const fs::path& folder, const bench_manifest& m) {
  auto db = database::open(folder / "ledger.sqlite");
  if (!db) return db.why();
  ledger book(std::move(*db));
  auto fresh = book.refresh(folder, m);
  if (!fresh) return fresh.why();
  try {
    return book.entries();
  } catch (const std::exception& e) {
    return failure{errc::failed, std::string("ledger: ") + e.what()};
  }
}

} // namespace

result<bench_results> read_bench(const fs::path& folder, bool rebuild) {
  auto manifest = load_manifest(folder);
  if (!manifest) return manifest.why();
  bench_results out{folder, std::move(*manifest), {}};
  std::error_code ec;
  if (rebuild) fs::remove(folder / "ledger.sqlite", ec);
  auto entries = through_ledger(folder, out.manifest);
  if (!entries) {
    fs::remove(folder / "ledger.sqlite", ec); // whatever is wrong with it
    entries = through_ledger(folder, out.manifest);
  }
  if (!entries) return entries.why();
  out.entries = std::move(*entries);
  return out;
}

} // namespace remed::experiments
