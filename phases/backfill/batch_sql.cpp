#include "phases/backfill/batch_sql.hpp"

#include <fmt/format.h>

#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

std::string tid_array(const std::vector<std::string>& addresses) {
  std::string list;
  for (const auto& address : addresses) list += (list.empty() ? "\"" : ",\"") + address + "\"";
  return "'{" + list + "}'::tid[]";
}

// Not AND: PostgreSQL evaluates its sides in the order that it likes, and only CASE keeps it from what it must not see.
std::string unless(const std::string& left_out, const std::string& condition) {
  return fmt::format("CASE WHEN {} THEN false ELSE {} END", left_out, condition);
}

}  // namespace

BatchSql::BatchSql(Todo todo, const BackfillBody& body, const Target& target, const std::string& marker,
                   const std::string& also)
    : table_(fmt::format("{}{} AS {}", target.partitioned ? "" : "ONLY ", qualified(target.table),
                         quote_ident(target.table.name))),
      row_(quote_ident(target.table.name)),
      todo_(todo_condition(todo, body, target, marker)),
      wanted_(todo_),
      at_least_(needed_at_least(todo, body, target, marker)),
      set_(assignments(todo, body, target, marker) + (also.empty() ? "" : ", " + also)),
      // As strong as the UPDATE's own row lock and no stronger: rows under a foreign key check of somebody else are
      // not passed over.
      row_lock_(target.sets_key ? "FOR UPDATE" : "FOR NO KEY UPDATE") {
  authors_ = fmt::format("UPDATE ONLY {} AS {} SET {}", qualified(target.table), row_,
                         assignments(todo == Todo::marker ? Todo::differs : todo, body, target, {}));
  if (todo != Todo::marker) authors_ += " WHERE " + todo_;
  if (todo == Todo::marker && !body.where.empty()) authors_ += fmt::format(" WHERE ({}\n)", body.where);
  unmarked_ = "false";
  if (todo == Todo::marker) unmarked_ = fmt::format("{}.{} IS NULL", row_, quote_ident(marker));
}

// Nothing but a range of ctid: a TID range scan, which reads these pages and no other (PostgreSQL 14 and newer).
std::string BatchSql::within(PageRange pages) const {
  return fmt::format("{0}.ctid >= '({1},0)' AND {0}.ctid < '({2},0)'", row_, pages.begin, pages.end);
}

// A tuple identifier is sent as four bytes of page and two of line; no page has more than 291 lines of 24 bytes with the
// usual block size, and of a number the last byte is enough to tell the lines of a stripe apart.
// CASE, because the planner sorts conditions by the cost that it believes in, to which any function of the author's is as
// cheap as `%`: with AND each row's expression was evaluated in every stripe up to its own.
std::string BatchSql::matching(const Part& part) const {
  if (!part.rows.empty()) return fmt::format("{}.ctid = ANY ({}) AND {}", row_, tid_array(part.rows), wanted_);
  if (part.lines.stripes == 1) return within(part.pages) + " AND " + wanted_;
  return fmt::format("{} AND {} AND CASE WHEN get_byte(tidsend({}.ctid), 5) % {} = {} THEN {} ELSE false END",
                     within(part.pages), at_least_, row_, part.lines.stripes, part.lines.stripe, wanted_);
}

BatchSql BatchSql::passing_over(const std::vector<std::string>& addresses) const {
  auto sql = *this;
  if (!addresses.empty()) sql.wanted_ = unless(fmt::format("{}.ctid = ANY ({})", row_, tid_array(addresses)), todo_);
  return sql;
}

std::string BatchSql::counted(const std::string& update) const {
  return fmt::format("WITH done AS ({} RETURNING {} AS again) SELECT count(*), count(*) FILTER (WHERE again) FROM done",
                     update, todo_);
}

std::string BatchSql::update(const std::string& leaf, const Part& part) const {
  return counted(update_unseen(leaf, part));
}

std::string BatchSql::update_unseen(const std::string& leaf, const Part& part) const {
  return fmt::format("UPDATE ONLY {} AS {} SET {} WHERE {}", leaf, row_, set_, matching(part));
}

std::string BatchSql::update_unlocked(const std::string& leaf, const Part& part) const {
  // The condition stands twice: a row may have changed between the snapshot and the moment at which it was locked.
  return counted(fmt::format(
      "UPDATE ONLY {0} AS {1} SET {2} WHERE {1}.ctid = ANY (ARRAY(SELECT {1}.ctid FROM ONLY {0} AS {1} WHERE {3} {4} "
      "SKIP LOCKED)) AND {5}",
      leaf, row_, set_, matching(part), row_lock_, wanted_));
}

std::string BatchSql::count(const std::string& leaf, const Part& part) const {
  return fmt::format("SELECT count(*) FROM ONLY {} AS {} WHERE {}", leaf, row_, matching(part));
}

std::string BatchSql::matching_rows(const std::string& leaf) const {
  return fmt::format("SELECT {1}.ctid FROM ONLY {0} AS {1} WHERE {2}", leaf, row_, todo_);
}

// With AND here, although the condition may be evaluated for the others too: an index knows nothing of CASE.
std::string BatchSql::harvest(const std::string& leaf, int most, const std::vector<std::string>& but) const {
  const auto others = but.empty() ? std::string() : fmt::format(" AND {}.ctid <> ALL ({})", row_, tid_array(but));
  return fmt::format("SELECT found.ctid::text FROM ({}{} LIMIT {}) found (ctid) ORDER BY found.ctid", matching_rows(leaf),
                     others, most);
}

std::string BatchSql::row_addresses(const std::string& leaf, PageRange pages) const {
  // Without the condition, which may be what fails.
  return fmt::format("SELECT {1}.ctid::text FROM ONLY {0} AS {1} WHERE {2} ORDER BY {1}.ctid", leaf, row_,
                     within(pages));
}

std::string BatchSql::row_xmax(const std::string& leaf, const Part& part) const {
  return fmt::format(
      "SELECT DISTINCT {1}.xmax AS xmax FROM ONLY {0} AS {1} WHERE {2} AND {1}.xmax::text <> '0' LIMIT 20", leaf, row_,
      matching(part));
}

std::string BatchSql::remaining(int most, const std::string& but) const {
  auto left = fmt::format("{} OR {}", todo_, unmarked_);
  if (!but.empty()) left = unless(fmt::format("({0}.tableoid, {0}.ctid) IN ({1})", row_, but), left);
  return fmt::format(
      "SELECT count(*), count(*) FILTER (WHERE unmarked) FROM (SELECT {} AS unmarked FROM {} WHERE {} LIMIT {}) found",
      unmarked_, table_, left, most);
}

std::string BatchSql::compile_only() const {
  return "EXPLAIN " + authors_;
}

}  // namespace pgphase
