#include "phases/backfill/scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "phases/backfill/errors.hpp"
#include "phases/postgres/transaction.hpp"
#include "plans/base/units.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

constexpr std::int64_t k_small_leaf = 100;  // pages: read as fast as an index would be asked

std::string text_of(const json::object& node, const char* key) {
  const auto* found = node.if_contains(key);
  return found && found->is_string() ? std::string(found->as_string()) : std::string();
}

// Of a bitmap the indexes are further down.
void collect(const json::object& node, LeafPlan& plan) {
  if (auto index = text_of(node, "Index Name"); !index.empty()) plan.indexes.push_back(std::move(index));
  const auto* below = node.if_contains("Plans");
  if (!below || !below->is_array()) return;
  for (const auto& child : below->as_array()) {
    // Not what a subquery of the author's reads.
    const auto role = child.is_object() ? text_of(child.as_object(), "Parent Relationship") : "SubPlan";
    if (role != "SubPlan" && role != "InitPlan") collect(child.as_object(), plan);
  }
}

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

std::vector<std::string> indexes_of(const std::vector<LeafPlan>& leaves) {
  constexpr std::size_t k_most_named = 3;
  std::vector<std::string> all;
  for (const auto& leaf : leaves) {
    for (const auto& index : leaf.indexes) {
      if (std::find(all.begin(), all.end(), index) == all.end()) all.push_back(index);
    }
  }
  if (all.size() > k_most_named) {
    all.resize(k_most_named);
    all.emplace_back("…");
  }
  return all;
}

double matching(const std::vector<LeafPlan>& leaves) {
  double rows = 0;
  for (const auto& leaf : leaves) rows += leaf.rows;
  return rows;
}

struct Leaf {
  std::string name;
  std::int64_t pages = 0;
  bool analysed = false;  // the planner knows more than its size
};

Result<std::vector<Leaf>> leaves(Session& session, const Target& target) {
  PGPHASE_TRY(rows, session.query(fmt::format(
                        "SELECT format('%I.%I', n.nspname, c.relname), "
                        "       pg_relation_size(c.oid) / current_setting('block_size')::bigint, "
                        // Building an index counts rows, too, but says nothing of their values.
                        "       EXISTS (SELECT FROM pg_stats s WHERE s.schemaname = n.nspname AND s.tablename = c.relname) "
                        "  FROM {} l JOIN pg_class c ON c.oid = l.oid JOIN pg_namespace n ON n.oid = c.relnamespace "
                        " ORDER BY c.oid",
                        leaves_of(target.oid))));
  std::vector<Leaf> out;
  for (const auto& row : rows) out.push_back({row.text(0), row.integer(1), row.boolean(2)});
  return out;
}

// As it would find all of them, or as it would if it must not read whole tables.
Result<std::vector<LeafPlan>> plans(Session& session, const std::vector<Leaf>& of, const BatchSql& sql,
                                    std::string_view settings) {
  auto look = Transaction::begin(session, "backfill.check", settings);
  if (!look) return look.error();
  std::vector<LeafPlan> out;
  for (const auto& leaf : of) {
    PGPHASE_TRY(rows, session.query("EXPLAIN (FORMAT JSON) " + sql.matching_rows(leaf.name)));
    auto plan = leaf_plan(rows[0].text(0));
    plan.leaf = leaf.name;
    plan.pages = leaf.pages;
    out.push_back(std::move(plan));
  }
  return out;
}

}  // namespace

const char* to_string(Scan scan) {
  switch (scan) {
    case Scan::automatic:
      return "auto";
    case Scan::physical:
      return "physical";
    case Scan::index:
      return "index";
  }
  return "?";
}

std::optional<Scan> scan_named(std::string_view name) {
  for (const auto scan : {Scan::automatic, Scan::physical, Scan::index}) {
    if (name == to_string(scan)) return scan;
  }
  return std::nullopt;
}

LeafPlan leaf_plan(const std::string& explained) {
  LeafPlan plan;
  boost::system::error_code bad;
  const auto value = json::parse(explained, bad);
  if (bad || !value.is_array() || value.as_array().empty() || !value.as_array()[0].is_object()) return plan;
  const auto* top = value.as_array()[0].as_object().if_contains("Plan");
  if (!top || !top->is_object()) return plan;
  if (const auto* rows = top->as_object().if_contains("Plan Rows"); rows && rows->is_number()) {
    plan.rows = rows->to_number<double>();
  }
  collect(top->as_object(), plan);
  return plan;
}

bool worth_an_index(const std::vector<LeafPlan>& leaves, std::int64_t rows) {
  std::int64_t pages = 0;
  for (const auto& leaf : leaves) {
    if (leaf.indexes.empty() && leaf.pages > k_small_leaf) return false;
    pages += leaf.pages;
  }
  return pages > k_large_table && matching(leaves) < static_cast<double>(rows) * k_small_part;
}

Result<ScanChoice> choose_scan(Session& session, const StepKey& key, const Target& target, Todo todo,
                               const BatchSql& sql, Scan wanted) {
  const bool demanded = wanted == Scan::index;
  if (wanted == Scan::physical) return ScanChoice{};
  if (todo == Todo::marker) {
    if (!demanded) return ScanChoice{};
    return no_index(key, target, "what is still to be done is told by a marker column, which is in no index");
  }
  PGPHASE_TRY(all, leaves(session, target));
  if (!demanded) {
    std::int64_t pages = 0;
    for (const auto& leaf : all) pages += leaf.pages;
    const bool known = std::all_of(all.begin(), all.end(), [](const Leaf& leaf) { return leaf.analysed || leaf.pages == 0; });
    if (pages <= k_large_table || !known) return ScanChoice{};
  }
  PGPHASE_TRY(found, plans(session, all, sql, demanded ? k_by_index_only : ""));
  const auto without = std::find_if(found.begin(), found.end(),
                                    [](const LeafPlan& leaf) { return leaf.indexes.empty() && leaf.pages > 0; });
  if (demanded && without != found.end()) {
    return no_index(key, target, fmt::format("no index of {} finds the rows that are still to be done", without->leaf));
  }
  PGPHASE_TRY(rows, estimate_rows(session, target));
  if (!demanded && !worth_an_index(found, rows)) return ScanChoice{};
  const auto few = static_cast<std::int64_t>(matching(found));
  const auto indexes = indexes_of(found);
  return ScanChoice{Scan::index, few,
                    fmt::format("scan by index {}: about {} of {} rows match", joined(indexes), human_count(few),
                                human_count(rows))};
}

}  // namespace pgphase
