#include "experiments/results/database.hpp"

#include <sqlite3.h>

namespace remed::experiments {

namespace {

constexpr int busy_ms = 10'000; // another report may be at work

void bind(sqlite3_stmt* s, int at, const json& value) {
  if (value.is_null()) {
    sqlite3_bind_null(s, at);
  } else if (value.is_boolean()) {
    sqlite3_bind_int(s, at, value.get<bool>() ? 1 : 0);
  } else if (value.is_number_float()) {
    sqlite3_bind_double(s, at, value.get<double>());
  } else if (value.is_number()) {
    sqlite3_bind_int64(s, at, value.get<sqlite3_int64>());
  } else {
    const auto text = value.is_string() ? value.get<std::string>() : dump(value);
    sqlite3_bind_text(s, at, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
  }
}

json column(sqlite3_stmt* s, int at) {
  switch (sqlite3_column_type(s, at)) {
    case SQLITE_INTEGER:
      return json(static_cast<std::int64_t>(sqlite3_column_int64(s, at)));
    case SQLITE_FLOAT:
      return json(sqlite3_column_double(s, at));
    case SQLITE_TEXT:
      return json(std::string(reinterpret_cast<const char*>(sqlite3_column_text(s, at)),
                              static_cast<std::size_t>(sqlite3_column_bytes(s, at))));
    default:
      return json();
  }
}

} // namespace

database::database(sqlite3* db) : db_(db, [](sqlite3* open) { sqlite3_close(open); }) {}

result<database> database::open(const std::filesystem::path& file) {
  sqlite3* db = nullptr;
  const int code = sqlite3_open(file.c_str(), &db);
  database made(db);
  if (code != SQLITE_OK) {
    return failure{errc::failed, file.string() + ": " + sqlite3_errmsg(db)};
  }
  sqlite3_busy_timeout(db, busy_ms);
  return made;
}

result<void> database::run(const std::string& statement, const std::vector<json>& values,
                           const std::function<void(const std::vector<json>&)>& row) {
  auto broken = [&] {
    return failure{errc::failed, std::string("ledger: ") + sqlite3_errmsg(db_.get())};
  };
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(db_.get(), statement.c_str(), -1, &raw, nullptr) != SQLITE_OK) {
    return broken();
  }
  const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> s(raw, sqlite3_finalize);
  for (std::size_t i = 0; i < values.size(); ++i) bind(raw, static_cast<int>(i) + 1, values[i]);
  for (;;) {
    const int code = sqlite3_step(raw);
    if (code == SQLITE_DONE) return {};
    if (code != SQLITE_ROW) return broken();
    std::vector<json> cells;
    for (int i = 0; i < sqlite3_column_count(raw); ++i) cells.push_back(column(raw, i));
    if (row) row(cells);
  }
}

} // namespace remed::experiments
