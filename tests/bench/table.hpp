// The table that every way fills, in a database of its own. Made anew for each run, always with the same rows in the
// same order, so that each way finds the same pages. Main thread only.
#pragma once

#include <cstdint>
#include <string>

#include "tests/bench/session.hpp"

namespace pgphase::bench {

enum class Key { bigint, uuid };

// Of email_norm, when the table is loaded.
enum class Target {
  none,       // whoever fills it adds it
  added,      // there, and NULL in every row
  with_text,  // there, and every row has a text of its own in it: what overwriting overwrites
};

struct TableShape {
  std::int64_t rows = 0;
  Key key = Key::uuid;
  Target target = Target::none;
};

// How long one pass over that many rows may take on a machine that is slow and busy.
milliseconds limit_for(std::int64_t rows);

std::string key_name(Key key);  // the column: "id", "uid"

// SQL for the key of row `number`, which is from 1 to `rows`.
std::string key_sql(Key key, std::int64_t number);

class Table {
 public:
  // `server_url` names a database that exists. Three indexes: the primary key, email, created_at.
  Table(std::string server_url, const TableShape& shape);
  ~Table();  // drops the database, whoever is still connected
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  const TableShape& shape() const { return shape_; }
  const std::string& url() const { return url_; }
  Session& session() { return session_; }

  // VACUUM, ANALYZE and a checkpoint: the state from which every way starts.
  void settle();

  // Throws std::runtime_error when a row is missing, or has another email_norm than it should have.
  void check();

 private:
  std::string server_url_;
  TableShape shape_;
  std::string url_;
  Session session_;
};

}  // namespace pgphase::bench
