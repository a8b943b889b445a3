// What the tests of the sync triggers share: a table `people`, and links that are carried out without a ledger.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "phases/sync/function.hpp"
#include "tests/support/database.hpp"

namespace pgphase::testing {

inline constexpr const char* k_people = "CREATE TABLE people (id serial PRIMARY KEY, email text, address text, n int)";

class SyncFunctionPgTest : public ::testing::Test {
 protected:
  void link(std::vector<SyncLink> links) {
    table_.links = std::move(links);
    db.exec("CREATE SCHEMA IF NOT EXISTS pgphase");
    db.exec(sync_function_sql(table_));
    db.exec(create_sync_triggers_sql(table_));
  }
  void relink(std::vector<SyncLink> links) {
    table_.links = std::move(links);
    db.exec(sync_function_sql(table_));
  }
  static SyncLink lower_case() {
    SyncLink link;
    link.key = "1";
    link.sources = {{"email", "text", "address", ""}};
    link.targets = {{"address", "text", "lower(email)", ""}};
    return link;
  }
  // "email|address" of the newest row.
  std::string row() {
    return db.value(
        "SELECT concat_ws('|', coalesce(email, 'NULL'), coalesce(address, 'NULL')) FROM people ORDER BY id "
        "DESC LIMIT 1");
  }
  std::string after(const std::string& sql) {
    db.exec(sql);
    return row();
  }

  TestDatabase db;
  SyncTable table_{{"public", "people"}, "sync_1", {}};
};

}  // namespace pgphase::testing
