#include "tests/bench/table.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <stdexcept>

#include "tests/support/server.hpp"

namespace pgphase::bench {
namespace {

constexpr const char* k_database = "bench";

// The keys are as random as gen_random_uuid()'s, but the same each time.
std::string insert_sql(const TableShape& shape) {
  const bool text = shape.target == Target::with_text;
  return fmt::format(
      "INSERT INTO accounts (id, uid, email, title, created_at{}) "
      "SELECT g, md5(g::text)::uuid, 'user' || g || '@Example.com', md5(g::text), "
      "timestamptz '2026-01-01 00:00:00Z' - make_interval(secs => g){} FROM generate_series(1, {}) AS g",
      text ? ", email_norm" : "", text ? ", 'user' || g || '@Example.com'" : "", shape.rows);
}

std::string made_anew(const std::string& server_url) {
  Session session(server_url);
  session.exec(fmt::format("DROP DATABASE IF EXISTS {} WITH (FORCE)", k_database));
  session.exec(fmt::format("CREATE DATABASE {} TEMPLATE template0", k_database));
  return testing::with_database(server_url, k_database);
}

}  // namespace

milliseconds limit_for(std::int64_t rows) {
  return std::chrono::minutes(10) + milliseconds(rows);
}

std::string key_name(Key key) {
  return key == Key::uuid ? "uid" : "id";
}

std::string key_sql(Key key, std::int64_t number) {
  return key == Key::uuid ? fmt::format("md5('{}')::uuid", number) : std::to_string(number);
}

Table::Table(std::string server_url, const TableShape& shape)
    : server_url_(std::move(server_url)), shape_(shape), url_(made_anew(server_url_)), session_(url_) {
  session_.exec(
      fmt::format("CREATE TABLE accounts (id bigint NOT NULL, uid uuid NOT NULL, email text NOT NULL, title text, "
                  "created_at timestamptz NOT NULL{}, PRIMARY KEY ({}))",
                  shape.target == Target::none ? "" : ", email_norm text", key_name(shape.key)));
  session_.exec(insert_sql(shape), limit_for(shape.rows));
  session_.exec("CREATE INDEX ON accounts (email)", limit_for(shape.rows));
  session_.exec("CREATE INDEX ON accounts (created_at)", limit_for(shape.rows));
}

Table::~Table() {
  try {
    testing::PgClient(server_url_).exec(fmt::format("DROP DATABASE {} WITH (FORCE)", k_database));
  } catch (const testing::PgError& error) {
    std::fprintf(stderr, "bench: could not drop its database: %s\n", error.what());
  }
}

void Table::settle() {
  session_.exec("VACUUM (FREEZE, ANALYZE) accounts", limit_for(shape_.rows));
  session_.exec("CHECKPOINT", limit_for(shape_.rows));
}

void Table::check() {
  const auto answer = session_.query(
      "SELECT count(*), count(*) FILTER (WHERE email_norm IS NULL), "
      "count(*) FILTER (WHERE email_norm IS DISTINCT FROM lower(email)) FROM accounts",
      limit_for(shape_.rows));
  const auto& row = answer.at(0);
  const auto rows = std::stoll(row.at(0).value());
  if (rows == shape_.rows && row.at(2) == "0") return;
  throw std::runtime_error(fmt::format("WRONG ROWS: of {} rows {} are there, {} are left NULL, {} have a wrong value",
                                       shape_.rows, rows, row.at(1).value(), row.at(2).value()));
}

}  // namespace pgphase::bench
