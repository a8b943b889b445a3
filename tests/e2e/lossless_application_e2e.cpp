#include "tests/e2e/lossless_application.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ostream>

namespace pgphase::testing {
namespace {

constexpr int k_writers_of_each = 2;
constexpr std::size_t k_most_findings = 8;
constexpr std::chrono::milliseconds k_between_statements{2};

std::size_t index_of(Side side) {
  return static_cast<std::size_t>(side);
}

std::string literal(const std::optional<std::string>& value) {
  return value ? "'" + *value + "'" : "NULL";  // the cases write no quotes
}

std::string shown(const std::optional<std::string>& value) {
  return value ? "'" + *value + "'" : "NULL";
}

}  // namespace

void PrintTo(const LosslessCase& one, std::ostream* out) {
  *out << one.name;
}

Applications::Applications(const LosslessCase& what, std::string url, int server_major, std::uint64_t seed)
    : what_(what), url_(std::move(url)), server_major_(server_major), seed_(seed) {
  load(url_);
}

Applications::~Applications() {
  stop();
}

// The rows that are there before the plan: those of the old schema.
void Applications::load(const std::string& url) {
  PgClient client(url);
  std::string columns;
  for (const auto& column : what_.before.columns) columns += fmt::format(", {0}::text", column);
  for (const auto& found :
       client.query(fmt::format("SELECT id, note{} FROM {} ORDER BY id", columns, what_.before.table))) {
    auto& row = rows_.emplace_back();
    row.id = std::stoll(*found[0]);
    row.there = true;
    row.note = found[1];
    row.values[0].assign(found.begin() + 2, found.end());
    row.values[1] = what_.up(row.values[0]);
  }
}

void Applications::start() {
  stopping_ = false;
  std::mt19937_64 random(seed_);
  for (int i = 0; i < k_writers_of_each; ++i) {
    for (const auto side : {Side::before, Side::after}) {
      if (of(side).table.empty()) continue;
      threads_.emplace_back([this, side, seed = random()] { work(side, seed); });
    }
  }
}

void Applications::stop() {
  stopping_ = true;
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void Applications::hold_old_code(bool hold) {
  held_ = hold;
  while (hold && old_in_flight_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void Applications::work(Side side, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  PgClient client(url_);
  while (!stopping_) {
    std::this_thread::sleep_for(k_between_statements);
    if (side == Side::after) {
      write_one(client, side, random);
      continue;
    }
    ++old_in_flight_;
    if (!held_) write_one(client, side, random);
    --old_in_flight_;
  }
}

void Applications::write_one(PgClient& client, Side side, std::mt19937_64& random) {
  Row* row = nullptr;
  const auto dice = random() % 100;
  {
    const std::lock_guard lock(rows_mutex_);
    if (dice < 20 || rows_.empty()) {
      row = &rows_.emplace_back();
      row->id = static_cast<std::int64_t>(rows_.size()) + 1'000'000;
    } else {
      row = &rows_[random() % rows_.size()];
    }
  }
  const std::unique_lock mine(row->mutex, std::try_to_lock);
  if (!mine) return;
  const auto number = next_number_++;
  auto kind = !row->there ? Kind::insert : dice < 75 ? Kind::update : dice < 90 ? Kind::upsert : Kind::remove;
  if (kind == Kind::insert && dice % 3 == 0) kind = Kind::upsert;
  if (kind == Kind::upsert && server_major_ >= what_.merge_needs && number % 2 == 0) kind = Kind::merge;
  const auto& application = of(side);
  const auto values = application.write != nullptr ? application.write(number) : SideValues();
  const auto note = std::optional(fmt::format("note {}", number));
  try {
    client.exec(statement(kind, side, *row, values, note));
  } catch (const PgError& error) {
    const bool too_early = side == Side::after && error.sqlstate() == what_.new_code_too_early;
    if (error.sqlstate() == "42703" || error.sqlstate() == "42P01" || too_early) {
      ++counts_.schema_gone;
      return;
    }
    const std::string message = error.what();
    const std::lock_guard lock(counts_.mutex);
    ++counts_.failures[message.substr(0, message.find('\n'))];
    return;
  }
  acknowledged(kind, side, *row, values, note);
  ++counts_.acknowledged;
}

std::string Applications::statement(Kind kind, Side side, const Row& row, const SideValues& values,
                                    const std::optional<std::string>& note) const {
  const auto& application = of(side);
  std::vector<std::string> names{"note"}, literals{literal(note)};
  for (std::size_t i = 0; i < values.size(); ++i) {
    names.push_back(application.columns[i]);
    literals.push_back(literal(values[i]));
  }
  const auto set = [&](const std::string& prefix) {
    std::vector<std::string> list;
    for (std::size_t i = 0; i < names.size(); ++i) {
      list.push_back(fmt::format("{} = {}", names[i], prefix.empty() ? literals[i] : prefix + names[i]));
    }
    return fmt::format("{}", fmt::join(list, ", "));
  };
  const auto insert =
      fmt::format("(id, {}) VALUES ({}, {})", fmt::join(names, ", "), row.id, fmt::join(literals, ", "));
  const auto& table = application.table;
  switch (kind) {
    case Kind::insert:
      return fmt::format("INSERT INTO {} {}", table, insert);
    case Kind::upsert:
      return fmt::format("INSERT INTO {} {} ON CONFLICT (id) DO UPDATE SET {}", table, insert, set("EXCLUDED."));
    case Kind::merge:
      return fmt::format(
          "MERGE INTO {} t USING (SELECT {}::bigint AS id) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET {} "
          "WHEN NOT MATCHED THEN INSERT {}",
          table, row.id, set(""), insert);
    case Kind::update:
      return fmt::format("UPDATE {} SET {} WHERE id = {}", table, set(""), row.id);
    case Kind::remove:
      return fmt::format("DELETE FROM {} WHERE id = {}", table, row.id);
  }
  return {};
}

// What the row holds from now on, by what the change promises.
void Applications::acknowledged(Kind kind, Side side, Row& row, const SideValues& values,
                                const std::optional<std::string>& note) {
  if (kind == Kind::remove) {
    row.there = false;
    return;
  }
  auto& before = row.values[0];
  auto& after = row.values[1];
  if (!row.there) {
    before = what_.of_nobody.empty() ? SideValues(what_.before.columns.size()) : what_.of_nobody;
    after = what_.up(before);
  }
  row.there = true;
  row.note = note;
  if (side == Side::before && !values.empty() && values != before) {
    before = values;
    after = what_.up(before);
  } else if (side == Side::after && !values.empty() && values != after) {
    after = values;
    if (after != what_.up(before) && what_.down != nullptr) before = what_.down(after);
  }
}

std::vector<std::string> Applications::what_is_lost(PgClient& client, Side side) const {
  const auto& application = of(side);
  if (application.table.empty()) return {};
  std::string columns;
  for (const auto& column : application.columns) columns += fmt::format(", {}::text", column);
  std::map<std::int64_t, PgClient::Row> found;
  for (auto& row : client.query(fmt::format("SELECT id, note{} FROM {}", columns, application.table))) {
    found[std::stoll(*row[0])] = std::move(row);
  }
  std::vector<std::string> lost;
  const auto note = [&](std::string sentence) {
    if (lost.size() < k_most_findings) lost.push_back(std::move(sentence));
  };
  std::size_t there = 0;
  for (const auto& row : rows_) {
    const auto stored = found.find(row.id);
    if (!row.there) {
      if (stored != found.end()) note(fmt::format("row {} was deleted, and is there", row.id));
      continue;
    }
    ++there;
    if (stored == found.end()) {
      note(fmt::format("row {} is gone", row.id));
      continue;
    }
    if (stored->second[1] != row.note) {
      note(fmt::format("row {}: note is {}, not {}", row.id, shown(stored->second[1]), shown(row.note)));
    }
    const auto& wanted = row.values[index_of(side)];
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const auto& is = stored->second[i + 2];
      const bool restored =
          side == Side::before && wanted == what_.of_nobody && i < what_.restored.size() && is == what_.restored[i];
      if (is != wanted[i] && !restored) {
        note(fmt::format("row {}: {} is {}, not {}", row.id, application.columns[i], shown(is), shown(wanted[i])));
      }
    }
  }
  if (there != found.size() && lost.empty()) note(fmt::format("{} rows instead of {}", found.size(), there));
  return lost;
}

}  // namespace pgphase::testing
