#include "phases/branch/traffic.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

#include "phases/postgres/sqlstate.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* k_foreign_key_violation = "23503";
constexpr std::size_t k_most_rows = 200;                      // of each table: all are looked at in the end
constexpr std::size_t k_most_failures = 5;                    // the first say what is wrong
constexpr std::size_t k_most_messages = 200;                  // some hold values, and there is no end of them
constexpr std::chrono::milliseconds k_between_statements{1};  // an application has other things to do too

std::uint64_t next_random(std::uint64_t& state) {  // xorshift64, Marsaglia 2003
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

std::string condition(const KnownTable& table) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < table.key.size(); ++i) {
    parts.push_back(fmt::format("w.{} = ${}::text::{}", quote_ident(table.key[i]), i + 1, table.key_types[i]));
  }
  return fmt::format("{}", fmt::join(parts, " AND "));
}

std::string as_texts(const std::vector<std::string>& columns) {
  std::vector<std::string> parts;
  for (const auto& column : columns) parts.push_back(fmt::format("w.{}::text", quote_ident(column)));
  return fmt::format("{}", fmt::join(parts, ", "));
}

Params params_of(const std::vector<std::string>& key) {
  return {key.begin(), key.end()};
}

std::string shown(const std::optional<std::string>& value) {
  if (!value) return "NULL";
  constexpr std::size_t k_enough = 40;
  return value->size() > k_enough ? fmt::format("'{}…'", value->substr(0, k_enough)) : fmt::format("'{}'", *value);
}

Result<std::set<std::string>> columns_of(Session& session, const TableName& table) {
  PGPHASE_TRY(rows, session.query("SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
                                  "JOIN pg_namespace n ON n.oid = c.relnamespace "
                                  "WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped",
                                  {table.schema, table.name}));
  std::set<std::string> columns;
  for (const auto& row : rows) columns.insert(row.text(0));
  return columns;
}

Result<TableName> place_of(Session& session, const TableName& table, const Whereabouts& whereabouts) {
  PGPHASE_TRY(columns, columns_of(session, table));
  const auto other = whereabouts.tables.find(table);
  return columns.empty() && other != whereabouts.tables.end() ? other->second : table;
}

}  // namespace

Result<std::vector<KnownTable>> known_tables(Session& session, const std::vector<TableName>& tables) {
  std::vector<KnownTable> known;
  for (const auto& table : tables) {
    KnownTable one;
    one.table = table;
    PGPHASE_TRY(columns, writable_columns(session, table));
    one.columns = columns;
    PGPHASE_TRY(
        key,
        session.query(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod), "
            "       EXISTS (SELECT FROM pg_constraint k WHERE k.confrelid = i.indrelid AND k.contype = 'f') "
            "  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "  JOIN LATERAL unnest(i.indkey) WITH ORDINALITY u(attnum, place) ON true "
            "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum "
            " WHERE n.nspname = $1 AND c.relname = $2 AND i.indisprimary AND u.place <= i.indnkeyatts ORDER BY u.place",
            {table.schema, table.name}));
    if (key.empty() || one.columns.empty()) continue;
    for (const auto& row : key) {
      one.key.push_back(row.text(0));
      one.key_types.push_back(row.text(1));
      one.pointed_to = row.boolean(2);
    }
    known.push_back(std::move(one));
  }
  return known;
}

Writer::Writer(std::unique_ptr<Session> session, std::vector<KnownTable> tables, int number, std::uint64_t seed)
    : session_(std::move(session)),
      tables_(std::move(tables)),
      logs_(tables_.size()),
      // Far from seeded values, and far from other writers'; small enough for an integer times seven.
      next_value_(10'000'000 + 20'000'000LL * number),
      random_(seed | 1U) {}

Writer::~Writer() {
  stop();
}

void Writer::start() {
  stopping_ = false;
  thread_ = std::thread([this] { work(); });
}

void Writer::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void Writer::work() {
  while (!stopping_ && !session_->lost()) {
    const auto table = next_random(random_) % tables_.size();
    const auto rows = logs_[table].rows.size();
    const auto dice = next_random(random_) % 10;
    if (careful_ && rows == 0) {
      // Nothing of its own to write again.
    } else if (!careful_ && (rows < 5 || (dice < 3 && rows < k_most_rows))) {
      insert(table);
    } else if (dice == 9 && !tables_[table].pointed_to) {
      remove(table);
    } else {
      update(table);
    }
    std::this_thread::sleep_for(k_between_statements);
  }
}

Result<Rows> Writer::timed(std::size_t table, const std::string& sql, const Params& params) {
  const Moment before = moment_;
  const auto begun = Clock::now();
  auto rows = session_->query(sql, params);
  counts_.longest_wait_ms =
      std::max(counts_.longest_wait_ms, std::chrono::duration<double, std::milli>(Clock::now() - begun).count());
  const Moment after = moment_;
  if (!rows) note_error(rows.error(), table, before == after ? after : Moment::between);
  return rows;
}

void Writer::note_error(const Error& error, std::size_t table, Moment moment) {
  const auto known = std::find_if(counts_.failed.begin(), counts_.failed.end(), [&](const FailedStatements& one) {
    return one.moment == moment && one.table == tables_[table].table && one.sqlstate == error.sqlstate &&
           one.message == error.message;
  });
  if (known != counts_.failed.end()) {
    ++known->count;
  } else if (counts_.failed.size() < k_most_messages) {
    counts_.failed.push_back({moment, tables_[table].table, error.sqlstate, error.message, 1});
  }
  const std::string_view state = error.sqlstate;
  if (state.starts_with("22") || state.starts_with("23")) {
    ++counts_.refused;
  } else if (state == sqlstate::undefined_column || state == sqlstate::undefined_table) {
    ++counts_.schema_gone;
  } else if (state == sqlstate::serialization_failure || state == sqlstate::deadlock_detected) {
    ++counts_.restarted;
  } else if (counts_.failures.size() < k_most_failures) {
    counts_.failures.push_back(fmt::format("{} ({})", error.message, error.sqlstate));
  }
}

const Writer::Key& Writer::any_row(std::size_t table) {
  auto row = logs_[table].rows.begin();
  std::advance(row, static_cast<std::ptrdiff_t>(next_random(random_) % logs_[table].rows.size()));
  return row->first;
}

void Writer::insert(std::size_t index) {
  const auto& table = tables_[index];
  std::vector<std::string> names, written, values;
  for (const auto& column : table.columns) {
    const auto value = value_for(table.table, column);
    if (value.empty()) continue;
    written.push_back(column.name);
    names.push_back(quote_ident(column.name));
    values.push_back(value);
  }
  if (names.empty()) return;
  auto returned = table.key;
  returned.insert(returned.end(), written.begin(), written.end());
  const auto rows = timed(
      index,
      fmt::format("INSERT INTO {} AS w ({}) SELECT {} FROM (SELECT {} AS g) s RETURNING {}", qualified(table.table),
                  fmt::join(names, ", "), fmt::join(values, ", "), next_value_++, as_texts(returned)),
      {});
  if (!rows || rows->empty()) return;  // a trigger may keep a row out
  Key key;
  for (std::size_t i = 0; i < table.key.size(); ++i) key.push_back((*rows)[0].text(i));
  Values row;
  for (std::size_t i = 0; i < written.size(); ++i) row[written[i]] = (*rows)[0].maybe(table.key.size() + i);
  logs_[index].rows[key] = std::move(row);
  ++counts_.acknowledged;
}

void Writer::update(std::size_t index) {
  const auto& table = tables_[index];
  const auto& column = table.columns[next_random(random_) % table.columns.size()];
  const auto value = careful_ ? "w." + quote_ident(column.name) : value_for(table.table, column);
  const bool of_the_key = std::find(table.key.begin(), table.key.end(), column.name) != table.key.end();
  if (value.empty() || of_the_key) return;
  const auto key = any_row(index);
  // All that the log holds: a trigger may set other columns as well.
  auto& log = logs_[index].rows[key];
  std::vector<std::string> returned{column.name};
  for (const auto& [name, logged] : log) {
    if (name != column.name) returned.push_back(name);
  }
  const auto rows = timed(
      index,
      fmt::format("UPDATE {} AS w SET {} = {} FROM (SELECT {} AS g) s WHERE {} RETURNING {}", qualified(table.table),
                  quote_ident(column.name), value, next_value_++, condition(table), as_texts(returned)),
      params_of(key));
  if (!rows) return;
  if (rows->empty()) {
    if (counts_.failures.size() < k_most_failures) {
      counts_.failures.push_back(
          fmt::format("a row of {} that was inserted is not there any more", display_name(table.table)));
    }
    return;
  }
  for (std::size_t i = 0; i < returned.size(); ++i) log[returned[i]] = (*rows)[0].maybe(i);
  ++counts_.acknowledged;
}

void Writer::remove(std::size_t index) {
  const auto& table = tables_[index];
  const auto key = any_row(index);
  if (!timed(index, fmt::format("DELETE FROM {} AS w WHERE {}", qualified(table.table), condition(table)),
             params_of(key)))
    return;
  logs_[index].rows.erase(key);
  logs_[index].deleted.push_back(key);
  ++counts_.acknowledged;
}

Result<std::vector<std::string>> Writer::what_is_lost(const Columns& may_change, const Columns& may_fill,
                                                      const Whereabouts& whereabouts) {
  std::vector<std::string> lost;
  for (std::size_t i = 0; i < tables_.size(); ++i) {
    const auto& table = tables_[i];
    PGPHASE_TRY(place, place_of(*session_, table.table, whereabouts));
    PGPHASE_TRY(there, columns_of(*session_, place));
    const auto called_now = [&](const std::string& column) {
      const auto other = whereabouts.columns.find({table.table, column});
      return there.contains(column) || other == whereabouts.columns.end() ? column : other->second;
    };
    const auto about = [&table](const Key& key) {
      return fmt::format("{} {}", display_name(table.table), fmt::join(key, ", "));
    };
    for (const auto& [key, values] : logs_[i].rows) {
      std::vector<std::string> names;
      for (const auto& [name, value] : values) names.push_back(called_now(name));
      PGPHASE_TRY(rows, session_->query(fmt::format("SELECT {} FROM {} AS w WHERE {}", as_texts(names),
                                                    qualified(place), condition(table)),
                                        params_of(key)));
      if (rows.empty()) {
        lost.push_back(fmt::format("the row {} is gone", about(key)));
        continue;
      }
      std::size_t column = 0;
      for (const auto& [name, value] : values) {
        const auto now = rows[0].maybe(column++);
        const bool filled = !value && may_fill(table.table, name);
        if (now == value || filled || may_change(table.table, name)) continue;
        lost.push_back(fmt::format("{}: {} was acknowledged as {}, is {}", about(key), name, shown(value), shown(now)));
      }
    }
    for (const auto& key : logs_[i].deleted) {
      PGPHASE_TRY(rows,
                  session_->query(fmt::format("SELECT 1 FROM {} AS w WHERE {}", qualified(place), condition(table)),
                                  params_of(key)));
      if (!rows.empty()) lost.push_back(fmt::format("the row {} was deleted, and is there again", about(key)));
    }
  }
  return lost;
}

Result<std::set<TableName>> Writer::remove_rows(const Whereabouts& whereabouts) {
  std::vector<TableName> places;
  for (const auto& table : tables_) {
    PGPHASE_TRY(place, place_of(*session_, table.table, whereabouts));
    places.push_back(place);
  }
  // Until a whole round removes nothing: of rows in a cycle of foreign keys none is the first to go.
  std::set<TableName> left;
  for (bool removed = true; removed;) {
    removed = false;
    left.clear();
    for (std::size_t i = tables_.size(); i-- > 0;) {
      auto& rows = logs_[i].rows;
      for (auto row = rows.begin(); row != rows.end();) {
        auto deleted =
            session_->query(fmt::format("DELETE FROM {} AS w WHERE {}", qualified(places[i]), condition(tables_[i])),
                            params_of(row->first));
        if (!deleted && deleted.error().sqlstate != k_foreign_key_violation) return deleted.error();
        removed = removed || deleted;
        row = deleted ? rows.erase(row) : std::next(row);
      }
      if (!rows.empty()) left.insert(tables_[i].table);
    }
  }
  logs_.assign(tables_.size(), {});
  return left;
}

}  // namespace pgphase
