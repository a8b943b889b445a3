#include "phases/backfill/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

Error refuse(const TableName& table, const std::string& why, const std::string& next) {
  return make_error(Errc::refused, fmt::format("cannot backfill {}: {}", display_name(table), why),
                    fmt::format("Nothing was changed. {}", next));
}

// "cannot backfill o: …; drop the rule …": what is wrong and what to do.
std::string as_a_sentence(const Error& error) {
  auto next = error.next.substr(std::string_view("Nothing was changed. ").size());
  if (next.empty()) return error.message;
  next.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(next.front())));
  if (next.ends_with('.')) next.pop_back();
  return fmt::format("{}; {}", error.message, next);
}

// Why a relation of this kind has no rows of its own to set.
std::string not_a_table(const std::string& relkind) {
  if (relkind == "v") return "it is a view";
  if (relkind == "m") return "it is a materialized view";
  if (relkind == "f") return "it is a foreign table: its rows are another server's";
  return "it is not a table";
}

Result<Target> find_table(Session& session, const TableName& table) {
  PGPHASE_TRY(
      rows,
      session.query(
          "SELECT c.oid, c.relkind, c.relpersistence, c.relispartition, "
          "       c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid) "
          "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2",
          {table.schema, table.name}));
  if (rows.empty()) {
    return refuse(table, fmt::format("there is no such table in schema {}", table.schema),
                  "Names are taken literally: look at case and schema.");
  }
  const auto& row = rows[0];
  const auto relkind = row.text(1);
  if (relkind != "r" && relkind != "p") {
    return refuse(table, not_a_table(relkind), "Name the table that holds the rows.");
  }
  if (row.text(2) == "t") return refuse(table, "it is a temporary table", "It belongs to another session.");
  if (row.boolean(4)) {
    return refuse(table, "other tables inherit from it (INHERITS), and it is not clear whether their rows are meant",
                  "Write the UPDATE as an `sql` step.");
  }
  Target target;
  target.table = table;
  target.oid = row.integer(0);
  target.partitioned = relkind == "p";
  target.is_partition = row.boolean(3);
  return target;
}

// Every leaf must be a heap table whose UPDATE is not rewritten to something else.
Result<void> check_leaves(Session& session, const Target& target) {
  PGPHASE_TRY(odd, session.query(fmt::format(
                       "SELECT n.nspname, c.relname, c.relkind, coalesce(m.amname, ''), "
                       "       EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type = '2') "
                       "  FROM (SELECT relid FROM pg_partition_tree({0}) UNION SELECT {0}) l "
                       "  JOIN pg_class c ON c.oid = l.relid JOIN pg_namespace n ON n.oid = c.relnamespace "
                       "  LEFT JOIN pg_am m ON m.oid = c.relam "
                       " WHERE c.relkind = 'f' OR (c.relkind = 'r' AND m.amname <> 'heap') "
                       "    OR EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type = '2') LIMIT 1",
                       target.oid)));
  if (odd.empty()) return {};
  const auto& row = odd[0];
  const auto leaf = display_name({row.text(0), row.text(1)});
  if (row.text(2) == "f") {
    return refuse(target.table, fmt::format("its partition {} is a foreign table: its rows are another server's", leaf),
                  "Detach it, or write the UPDATE as an `sql` step.");
  }
  if (row.boolean(4)) {
    return refuse(target.table, fmt::format("{} has a rule that rewrites UPDATE", leaf),
                  "Drop the rule for the time, or write the UPDATE as an `sql` step.");
  }
  return refuse(target.table,
                fmt::format("{} is stored by the access method {}, which has no heap pages to scan", leaf, row.text(3)),
                "Write the UPDATE as an `sql` step.");
}

// PostgreSQL refuses each UPDATE of a row that it publishes and that a subscriber could not tell from others.
Result<void> check_replica_identity(Session& session, const Target& target) {
  const auto* by_schema = session.server_version() < 150000
                              ? ""
                              : " OR EXISTS (SELECT FROM pg_publication_namespace s WHERE s.pnpubid = p.oid AND "
                                "s.pnnspid = f.relnamespace)";
  PGPHASE_TRY(odd, session.query(fmt::format(
                       "SELECT p.pubname, n.nspname, c.relname FROM {} l "
                       "  JOIN pg_class c ON c.oid = l.oid JOIN pg_namespace n ON n.oid = c.relnamespace "
                       "  JOIN LATERAL (SELECT c.oid UNION SELECT relid FROM pg_partition_ancestors(c.oid)) up ON true "
                       "  JOIN pg_class f ON f.oid = up.oid, pg_publication p "
                       " WHERE p.pubupdate AND c.relpersistence = 'p' "
                       "   AND (p.puballtables OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid "
                       "                                  AND r.prrelid = f.oid){}) "
                       "   AND c.relreplident <> 'f' "
                       "   AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND CASE c.relreplident "
                       "                   WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END) "
                       " ORDER BY 1, 2, 3 LIMIT 1",
                       leaves_of(target.oid), by_schema)));
  if (odd.empty()) return {};
  const TableName leaf{odd[0].text(1), odd[0].text(2)};
  return refuse(target.table,
                fmt::format("publication {} publishes updates of {}, which has no replica identity, so that PostgreSQL "
                            "refuses each UPDATE",
                            odd[0].text(0), display_name(leaf)),
                fmt::format("Give it a primary key or one by `ALTER TABLE {} REPLICA IDENTITY …`, or take it out of "
                            "the publication.",
                            qualified(leaf)));
}

Result<TargetColumn> find_column(Session& session, const Target& target, const std::string& column) {
  PGPHASE_TRY(
      rows,
      session.query(
          fmt::format(
              "SELECT format_type(a.atttypid, a.atttypmod), format_type(a.atttypid, -1), a.attgenerated <> '', "
              "       a.attidentity = 'a', "
              // The columns of a partition key, in its expressions too, depend on their table internally.
              "       EXISTS (SELECT FROM pg_partition_tree({0}) t JOIN pg_partitioned_table p ON p.partrelid = "
              "t.relid "
              "                 JOIN pg_attribute k ON k.attrelid = t.relid AND k.attname = a.attname "
              "                 JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = t.relid "
              "                  AND d.objsubid = k.attnum AND d.refclassid = 'pg_class'::regclass "
              "                  AND d.refobjid = t.relid AND d.refobjsubid = 0 AND d.deptype = 'i') "
              "  FROM pg_attribute a WHERE a.attrelid = {0} AND a.attname = $1 AND a.attnum > 0 AND NOT a.attisdropped",
              target.oid),
          {column}));
  if (rows.empty()) {
    return refuse(target.table, fmt::format("it has no column {}", column),
                  "Names are taken literally: look at the case.");
  }
  const auto& row = rows[0];
  if (row.boolean(2)) {
    return refuse(target.table, fmt::format("column {} is generated: PostgreSQL computes it by itself", column),
                  "Take it out of `set`.");
  }
  if (row.boolean(3)) {
    return refuse(target.table, fmt::format("column {} is GENERATED ALWAYS AS IDENTITY", column),
                  "Take it out of `set`.");
  }
  if (row.boolean(4)) {
    return refuse(target.table,
                  fmt::format("column {} is part of a partition key: rows would move between partitions", column),
                  "Write the UPDATE as an `sql` step.");
  }
  return TargetColumn{column, row.text(0), row.text(1)};
}

Result<bool> sets_key(Session& session, const Target& target) {
  std::string names;
  for (const auto& column : target.columns) {
    names += (names.empty() ? "" : ", ") + quote_literal(column.name);
  }
  PGPHASE_TRY(
      found,
      session.query(fmt::format(
          "SELECT EXISTS (SELECT FROM (SELECT relid FROM pg_partition_tree({0}) UNION SELECT {0}) l "
          "  JOIN pg_index i ON i.indrelid = l.relid AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL "
          "  JOIN pg_attribute a ON a.attrelid = l.relid AND a.attnum = ANY (i.indkey) AND a.attname IN ({1}))",
          target.oid, names)));
  return found[0].boolean(0);
}

// Such an UPDATE is no HOT update. Summarizing indexes (BRIN) stand in nobody's way since 16.
Result<bool> sets_indexed(Session& session, const Target& target) {
  std::string names;
  for (const auto& column : target.columns) names += (names.empty() ? "" : ", ") + quote_literal(column.name);
  PGPHASE_TRY(found,
              session.query(fmt::format(
                  "SELECT EXISTS (SELECT FROM (SELECT relid FROM pg_partition_tree({0}) UNION SELECT {0}) l "
                  "  JOIN pg_index i ON i.indrelid = l.relid AND i.indisready JOIN pg_class c ON c.oid = i.indexrelid "
                  "  JOIN pg_am m ON m.oid = c.relam "
                  "  JOIN pg_attribute a ON a.attrelid = l.relid AND a.attname IN ({1}) "
                  " WHERE (a.attnum = ANY (i.indkey) "
                  "        OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass "
                  "                   AND d.objid = i.indexrelid AND d.refclassid = 'pg_class'::regclass "
                  "                   AND d.refobjid = l.relid AND d.refobjsubid = a.attnum)) "
                  "   AND NOT ({2} AND m.amname = 'brin'))",
                  target.oid, names, session.server_version() >= 160000)));
  return found[0].boolean(0);
}

}  // namespace

std::string leaves_of(std::int64_t table_oid) {
  return fmt::format(
      "(SELECT relid::oid AS oid FROM pg_partition_tree({0}) WHERE isleaf "
      "UNION SELECT oid FROM pg_class WHERE oid = {0} AND relkind = 'r')",
      table_oid);
}

Result<Target> inspect_target(Session& session, const BackfillBody& body) {
  auto target = find_table(session, body.table);
  if (!target) return target;
  PGPHASE_CHECK(check_leaves(session, *target));
  PGPHASE_CHECK(check_replica_identity(session, *target));
  for (const auto& assignment : body.set) {
    PGPHASE_TRY(column, find_column(session, *target, assignment.column));
    target->columns.push_back(column);
  }
  PGPHASE_TRY(key, sets_key(session, *target));
  target->sets_key = key;
  PGPHASE_TRY(indexed, sets_indexed(session, *target));
  target->sets_indexed = indexed;
  return target;
}

Result<std::vector<std::string>> obstacles_to_backfilling(Session& session, const BackfillBody& body) {
  std::vector<std::string> obstacles;
  const auto passes = [&](const auto& looked) -> Result<bool> {
    if (looked) return true;
    if (looked.error().code != Errc::refused) return looked.error();
    obstacles.push_back(as_a_sentence(looked.error()));
    return false;
  };
  PGPHASE_TRY(there, session.query("SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
                                   "JOIN pg_namespace n ON n.oid = c.relnamespace "
                                   "WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')",
                                   {body.table.schema, body.table.name}));
  if (there.empty()) return obstacles;
  const auto target = find_table(session, body.table);
  PGPHASE_TRY(found, passes(target));
  if (!found) return obstacles;
  PGPHASE_TRY(of_leaves, passes(check_leaves(session, *target)));
  PGPHASE_TRY(of_identity, passes(check_replica_identity(session, *target)));
  static_cast<void>(of_leaves);
  static_cast<void>(of_identity);
  for (const auto& one : body.set) {
    const bool is_there =
        std::any_of(there.begin(), there.end(), [&](const Row& row) { return row.text(0) == one.column; });
    if (is_there) PGPHASE_CHECK(passes(find_column(session, *target, one.column)));
  }
  return obstacles;
}

Result<std::int64_t> estimate_rows(Session& session, const Target& target) {
  const auto from = (target.partitioned ? "" : "ONLY ") + qualified(target.table);
  PGPHASE_TRY(known,
              session.query(fmt::format(
                  "SELECT coalesce(bool_and(c.reltuples >= 0), true), coalesce(sum(pg_relation_size(c.oid)), 0) / "
                  "current_setting('block_size')::bigint FROM {} l JOIN pg_class c ON c.oid = l.oid",
                  leaves_of(target.oid))));
  if (!known[0].boolean(0)) {
    // 20 MB at most. SYSTEM takes each page by chance: the relative error of what is counted is 1 / sqrt(2560), 2 %.
    constexpr double k_sample_pages = 2560;
    const double percent = std::min(100.0, 100.0 * k_sample_pages / std::max(known[0].number(1), 1.0));
    PGPHASE_TRY(sampled, session.query(fmt::format("SELECT count(*) FROM {} TABLESAMPLE SYSTEM ({})", from, percent)));
    return static_cast<std::int64_t>(sampled[0].number(0) * 100.0 / percent);
  }
  // Scales what ANALYZE found by the pages that there are now.
  PGPHASE_TRY(explained, session.query("EXPLAIN (FORMAT JSON) SELECT FROM " + from));
  const auto plan = explained[0].text(0);
  const std::string_view label = "\"Plan Rows\": ";
  const auto at = plan.find(label);
  return at == std::string::npos ? 0 : std::stoll(plan.substr(at + label.size()));
}

}  // namespace pgphase
