// SQLite, as much of it as the ledger needs: values go in and come out as JSON scalars.
#pragma once

#include "runtime/json.hpp"
#include "runtime/result.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

struct sqlite3;

namespace remed::experiments {

class database {
public:
  static result<database> open(const std::filesystem::path& file);

  /// Runs one statement; `values` fill its question marks: null, booleans (as 0 and 1), numbers,
  /// texts; lists and objects as JSON text. `row` gets each row of the answer.
  result<void> run(const std::string& statement, const std::vector<json>& values = {},
                   const std::function<void(const std::vector<json>&)>& row = {});

private:
  explicit database(sqlite3* db);
  std::shared_ptr<sqlite3> db_;
};

} // namespace remed::experiments
