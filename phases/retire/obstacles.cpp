#include "phases/retire/obstacles.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "phases/retire/naming_triggers.hpp"
#include "phases/retire/retire.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/retire/stored_rows.hpp"
#include "phases/retire/tree.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// Every question is one SELECT of (kind, who, with whom); $1 is the table's oid. They go out as one statement, because
// they are asked again while an application waits.

constexpr const char* k_hierarchy = R"sql(
SELECT CASE WHEN c.relispartition THEN 'partition' ELSE 'inherits' END AS kind,
       pg_describe_object(1259, i.inhparent, 0) AS who, NULL AS whom
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhrelid = $1
)sql";
// A column is renamed in them with it.
constexpr const char* k_children = R"sql(
UNION ALL
SELECT 'child', pg_describe_object(1259, i.inhrelid, 0), NULL
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent WHERE i.inhparent = $1 AND c.relkind <> 'p'
)sql";

// A partitioned table's columns are renamed in its partitions with it, its name is not.
constexpr const char* k_partitioned = R"sql(
SELECT 'partitioned', NULL, NULL FROM pg_class WHERE oid = $1 AND relkind = 'p'
)sql";

// From the catalogues and not from pg_publication_tables, which lists every table of the database for each question.
constexpr const char* k_publications = R"sql(
SELECT DISTINCT 'publication', p.pubname::text, NULL
  FROM pg_publication p, pg_class c
 WHERE c.oid IN {tree}
   AND (p.puballtables AND c.relpersistence = 'p'
        OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = c.oid{of_column}){by_schema})
)sql";
// Since 15 a publication may have a list of columns; $2: the column.
constexpr const char* k_in_its_list =
    " AND (r.prattrs IS NULL OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = $2 "
    "AND a.attnum = ANY (r.prattrs)))";
constexpr const char* k_schema_publications =  // since 15
    " OR EXISTS (SELECT FROM pg_publication_namespace s WHERE s.pnpubid = p.oid AND s.pnnspid = c.relnamespace)";

// The relation that a dependent object is a part of; an index is a part of its table.
constexpr const char* k_part_of = R"sql(
COALESCE(
  (SELECT conrelid FROM pg_constraint WHERE d.classid = 'pg_constraint'::regclass AND oid = d.objid),
  (SELECT ev_class FROM pg_rewrite WHERE d.classid = 'pg_rewrite'::regclass AND oid = d.objid),
  (SELECT polrelid FROM pg_policy WHERE d.classid = 'pg_policy'::regclass AND oid = d.objid),
  (SELECT tgrelid FROM pg_trigger WHERE d.classid = 'pg_trigger'::regclass AND oid = d.objid),
  (SELECT adrelid FROM pg_attrdef WHERE d.classid = 'pg_attrdef'::regclass AND oid = d.objid),
  (SELECT stxrelid FROM pg_statistic_ext WHERE d.classid = 'pg_statistic_ext'::regclass AND oid = d.objid),
  (SELECT indrelid FROM pg_index WHERE d.classid = 'pg_class'::regclass AND indexrelid = d.objid),
  CASE WHEN d.classid = 'pg_class'::regclass THEN d.objid END)
)sql";

// Foreign keys, publications and children have questions of their own.
constexpr const char* k_not_asked_elsewhere = R"sql(
    d.classid <> 'pg_publication_rel'::regclass
AND NOT EXISTS (SELECT FROM pg_constraint f WHERE d.classid = 'pg_constraint'::regclass AND f.oid = d.objid
                AND f.contype = 'f')
AND NOT EXISTS (SELECT FROM pg_inherits h WHERE d.classid = 'pg_class'::regclass AND h.inhrelid = d.objid
                AND h.inhparent = $1)
)sql";

// A view is found as its _RETURN rule.
constexpr const char* k_kind_and_name = R"sql(
CASE WHEN d.classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass, 'pg_policy'::regclass) THEN 'use'
     WHEN d.classid = 'pg_trigger'::regclass THEN 'trigger' ELSE 'other' END,
COALESCE((SELECT pg_describe_object(1259, ev_class, 0) FROM pg_rewrite
           WHERE d.classid = 'pg_rewrite'::regclass AND oid = d.objid AND rulename = '_RETURN'),
         pg_describe_object(d.classid, d.objid, d.objsubid)), NULL
)sql";

// The worker knows the table by its name.
constexpr const char* k_subscriptions = R"sql(
UNION ALL
SELECT DISTINCT 'subscription', s.subname::text, NULL
  FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid WHERE r.srrelid IN {tree}
)sql";

// Its columns are those of the type, with their names.
constexpr const char* k_typed = R"sql(
UNION ALL
SELECT 'typed', format_type(reloftype, NULL), NULL FROM pg_class WHERE oid = $1 AND reloftype <> 0
)sql";

constexpr const char* k_table_foreign_keys = R"sql(
SELECT 'fk_from', conname, pg_describe_object(1259, confrelid, 0) FROM pg_constraint
 WHERE contype = 'f' AND conrelid = $1 AND confrelid <> $1 AND conparentid = 0 AND oid <> ALL ($2::oid[])
UNION ALL
SELECT 'fk_to', conname, pg_describe_object(1259, conrelid, 0) FROM pg_constraint
 WHERE contype = 'f' AND confrelid = $1 AND conrelid <> $1 AND conparentid = 0 AND oid <> ALL ($2::oid[])
)sql";

// Through the table itself, its row type, and the sequences that go with it. What its partitions make of them goes
// along.
constexpr const char* k_table_dependents = R"sql(
SELECT {kind_and_name}
  FROM (SELECT DISTINCT d.classid, d.objid, d.objsubid
          FROM (SELECT 'pg_class'::regclass::oid AS class, $1::oid AS id
                UNION ALL
                SELECT 'pg_type'::regclass, t.oid
                  FROM pg_class c, pg_type t
                 WHERE c.oid = $1
                   AND (t.oid = c.reltype OR t.oid = (SELECT typarray FROM pg_type WHERE oid = c.reltype))
                UNION ALL
                SELECT 'pg_class'::regclass, o.objid
                  FROM pg_depend o JOIN pg_class s ON s.oid = o.objid AND s.relkind = 'S'
                 WHERE o.classid = 'pg_class'::regclass AND o.refclassid = 'pg_class'::regclass AND o.refobjid = $1
                   AND o.refobjsubid > 0 AND o.deptype IN ('a', 'i')) mine
          JOIN pg_depend d ON d.refclassid = mine.class AND d.refobjid = mine.id AND d.deptype = 'n'
         WHERE {not_asked_elsewhere} AND ({part_of} IN {tree}) IS NOT TRUE) d
)sql";

// Not those of ours: a later phase has made them, and takes them back before it comes to the column.
constexpr const char* k_column_foreign_keys = R"sql(
SELECT 'column_fk', k.conname, pg_describe_object(1259, k.conrelid, 0)
  FROM pg_constraint k, pg_attribute a
 WHERE a.attrelid IN {tree} AND a.attname = $2 AND k.contype = 'f' AND k.conparentid = 0
   AND k.conname !~ '^_pgphase_' AND k.oid <> ALL ($3::oid[])
   AND (k.conrelid = a.attrelid AND a.attnum = ANY (k.conkey)
        OR k.confrelid = a.attrelid AND a.attnum = ANY (k.confkey))
)sql";

// Indexes, checks, statistics and the column's own default survive a rename; what holds the name in a text of its own,
// or shows it to somebody else, does not. A generated column is found by its default or, before 15, by itself.
constexpr const char* k_column_dependents = R"sql(
SELECT {kind_and_name}
  FROM (SELECT DISTINCT d.classid, d.objid, d.objsubid
          FROM pg_attribute a
          JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid
                          AND d.refobjsubid = a.attnum AND d.deptype IN ('n', 'a')
         WHERE a.attrelid IN {tree} AND a.attname = $2 AND NOT a.attisdropped AND {not_asked_elsewhere}
           AND NOT EXISTS (SELECT FROM pg_trigger t WHERE d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
                           AND t.tgname ~ '^[!~_]pgphase_')
           AND NOT EXISTS (SELECT FROM pg_class s WHERE d.classid = 'pg_class'::regclass AND s.oid = d.objid
                           AND s.relkind = 'S')
           AND (d.classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass, 'pg_policy'::regclass,
                              'pg_trigger'::regclass)
                OR d.classid = 'pg_class'::regclass AND d.objid = a.attrelid AND d.objsubid <> a.attnum
                OR EXISTS (SELECT FROM pg_attrdef f WHERE d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
                           AND f.adrelid = a.attrelid AND f.adnum <> a.attnum)
                OR {part_of} IS DISTINCT FROM a.attrelid)) d
)sql";

std::string column_in_words(const TableName& table, const std::string& column) {
  return fmt::format("column {} of table {}", column, display_name(table));
}

std::string sentence(const std::string& object, const std::string& kind, const std::string& who,
                     const std::string& whom) {
  if (kind == "partitioned")
    return fmt::format("{} is partitioned, and its partitions would have to go with it", object);
  if (kind == "partition") return fmt::format("{} is a partition of {}, which would lose its rows", object, who);
  if (kind == "inherits") return fmt::format("{} inherits from {}, which shows its rows", object, who);
  if (kind == "child") return fmt::format("{} inherits from {}", who, object);
  if (kind == "publication") {
    return fmt::format("publication {} publishes {}, and its subscribers would stop or miss changes", who, object);
  }
  if (kind == "subscription") {
    return fmt::format("subscription {} fills {}, and would stop without it: take it out of the publication, and `ALTER "
                       "SUBSCRIPTION {} REFRESH PUBLICATION` first",
                       who, object, quote_ident(who));
  }
  if (kind == "typed") {
    return fmt::format("{} is one of the type {}, of which its table is: `ALTER TABLE … NOT OF` makes that one of its own",
                       object, who);
  }
  if (kind == "fk_from") {
    return fmt::format("foreign key {} of {} refers to {}, and a cascade from there would reach it while it is retired",
                       who, object, whom);
  }
  if (kind == "fk_to") {
    return fmt::format("foreign key {} of {} refers to {}, and inserts there would fail while it is retired", who, whom,
                       object);
  }
  if (kind == "fk_partitioned") {
    return fmt::format("foreign key {} of {} could not come back without a long lock, because that is partitioned", who,
                       whom);
  }
  if (kind == "column_fk") {
    return fmt::format("foreign key {} of {} uses {}, and would change or refuse rows while it is retired", who, whom,
                       object);
  }
  if (kind == "use") return fmt::format("{} uses {}, and would go on using it while it is retired", who, object);
  if (kind == "stored_rows") {
    return fmt::format("{} stores rows with {}, and what is in them under that name would be lost or not be found any "
                       "more: keep them in another form first, as jsonb",
                       who, object);
  }
  if (kind == "trigger") return fmt::format("{} names {}, and its function would not find it", who, object);
  if (kind == "trigger_argument") {
    return fmt::format("{} is given the name of {} as an argument, and its function would not find it", who, object);
  }
  return fmt::format("{} depends on {}", who, object);
}

Result<std::vector<std::string>> ask(Session& session, const std::string& object, const std::string& questions,
                                     const Params& params) {
  PGPHASE_TRY(found, session.query(questions + " ORDER BY 1, 2, 3", params));
  std::vector<std::string> sentences;
  for (const auto& row : found) sentences.push_back(sentence(object, row.text(0), row.text(1), row.text(2)));
  sentences.erase(std::unique(sentences.begin(), sentences.end()), sentences.end());
  return sentences;
}

enum class Published { table, column };

std::string publications(const Session& session, Published what) {
  const bool since_15 = session.server_version() >= 150000;
  return fmt::format(k_publications, fmt::arg("tree", k_tree),
                     fmt::arg("of_column", since_15 && what == Published::column ? k_in_its_list : ""),
                     fmt::arg("by_schema", since_15 ? k_schema_publications : ""));
}

enum class Children { count, go_along };

std::string on_every_object(const Session& session, Published what, Children children = Children::count) {
  return std::string(k_hierarchy) + (children == Children::count ? k_children : "") + "UNION ALL" +
         publications(session, what);
}

std::string subscriptions() {
  return fmt::format(k_subscriptions, fmt::arg("tree", k_tree));
}

std::string dependents(const char* question) {
  return fmt::format(fmt::runtime(question), fmt::arg("kind_and_name", k_kind_and_name),
                     fmt::arg("not_asked_elsewhere", k_not_asked_elsewhere), fmt::arg("part_of", k_part_of),
                     fmt::arg("tree", k_tree));
}

}  // namespace

Result<std::vector<std::string>> table_obstacles(Session& session, const TableName& table, const std::string& oid,
                                                 const std::string& leaving) {
  static const std::string k_questions = std::string("UNION ALL") + k_partitioned + "UNION ALL" + k_table_foreign_keys +
                                         subscriptions() + "UNION ALL" + dependents(k_table_dependents);
  return ask(session, "table " + display_name(table), on_every_object(session, Published::table) + k_questions,
             {oid, leaving});
}

// PostgreSQL knows tables by number; who receives changes of them knows the name.
Result<std::vector<std::string>> table_rename_obstacles(Session& session, const TableName& table,
                                                        const std::string& oid) {
  return ask(session, "table " + display_name(table), publications(session, Published::table) + subscriptions(), {oid});
}

// On a partitioned table they cannot come back NOT VALID, to be checked while everybody works (before 18).
constexpr const char* k_keys_of_partitioned = R"sql(
SELECT 'fk_partitioned', k.conname, pg_describe_object(1259, k.conrelid, 0)
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
 WHERE k.contype = 'f' AND k.conparentid = 0 AND c.relkind = 'p' AND (k.conrelid = $1) <> (k.confrelid = $1)
)sql";

Result<std::vector<std::string>> whole_table_obstacles(Session& session, const TableName& table,
                                                       const std::string& oid) {
  static const std::string k_questions =
      std::string("UNION ALL") + k_keys_of_partitioned + subscriptions() + "UNION ALL" + dependents(k_table_dependents);
  const auto what = "table " + display_name(table);
  PGPHASE_TRY(all, ask(session, what, on_every_object(session, Published::table) + k_questions, {oid}));
  PGPHASE_TRY(partitions,
              session.query("SELECT c.oid, n.nspname, c.relname FROM pg_partition_tree($1::oid::regclass) t "
                            "JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace "
                            "WHERE c.oid <> $1 ORDER BY 2, 3",
                            {oid}));
  static const std::string k_of_partition = dependents(k_table_dependents);
  for (const auto& row : partitions) {
    PGPHASE_TRY(found,
                ask(session, "table " + display_name({row.text(1), row.text(2)}), k_of_partition, {row.text(0)}));
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

namespace {

const std::string& naming_triggers() {
  static const std::string k_question = "UNION ALL" + naming_triggers_question();
  return k_question;
}

// Of a column that a plan takes away. One that it has added itself comes back with the values of all such rows.
const std::string& stored_rows() {
  static const std::string k_question = "UNION ALL" + stored_rows_question();
  return k_question;
}

}  // namespace

Result<std::vector<std::string>> column_obstacles(Session& session, const TableName& table, const std::string& oid,
                                                  const std::string& column, ForeignKeys foreign_keys,
                                                  const std::string& leaving) {
  static const std::string k_foreign_keys = std::string("UNION ALL") + dependents(k_column_foreign_keys);
  static const std::string k_dependents = std::string("UNION ALL") + dependents(k_column_dependents);
  // What the plan itself has added is taken back, also where rows of an heir have it by now.
  const bool by_the_plan = foreign_keys == ForeignKeys::count;
  Params params{oid, column};
  if (by_the_plan) params.push_back(leaving);
  return ask(session, column_in_words(table, column),
             on_every_object(session, Published::column, by_the_plan ? Children::go_along : Children::count) +
                 (by_the_plan ? k_foreign_keys : k_typed + stored_rows()) + k_dependents + naming_triggers(),
             params);
}

Result<std::vector<std::string>> replacement_obstacles(Session& session, const TableName& table, const std::string& oid,
                                                       const std::string& column) {
  static const std::string k_dependents = std::string("UNION ALL") + dependents(k_column_dependents);
  return ask(session, column_in_words(table, column),
             on_every_object(session, Published::column) + stored_rows() + k_dependents, {oid, column});
}

// Whatever PostgreSQL itself keeps follows the column by its number; the text of a trigger's function does not.
Result<std::vector<std::string>> rename_obstacles(Session& session, const TableName& table, const std::string& oid,
                                                  const std::string& column) {
  return ask(session, column_in_words(table, column),
             on_every_object(session, Published::column) + k_typed + stored_rows() + naming_triggers(), {oid, column});
}

namespace {

Result<std::string> oids_of(Session& session, const LeavingForeignKeys& leaving) {
  std::string oids;
  for (const auto& [table, name] : leaving) {
    PGPHASE_TRY(found, session.query("SELECT k.oid FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid "
                                     "JOIN pg_namespace n ON n.oid = c.relnamespace "
                                     "WHERE k.contype = 'f' AND n.nspname = $1 AND c.relname = $2 AND k.conname = $3",
                                     {table.schema, table.name, name}));
    for (const auto& row : found) oids += (oids.empty() ? "" : ",") + row.text(0);
  }
  return "{" + oids + "}";
}

Result<std::vector<std::string>> obstacles_of(Session& session, const TableName& table,
                                              const std::vector<std::string>& columns,
                                              const LeavingForeignKeys& leaving) {
  std::vector<std::string> all;
  PGPHASE_TRY(oid, table_oid(session, table));
  if (!oid) return all;
  PGPHASE_TRY(left_out, oids_of(session, leaving));
  for (const auto& column : columns) {
    PGPHASE_TRY(there,
                session.query("SELECT FROM pg_attribute WHERE attrelid = $1 AND attname = $2 AND NOT attisdropped "
                              "AND attnum > 0",
                              {*oid, column}));
    if (there.empty()) continue;
    PGPHASE_TRY(found, column_obstacles(session, table, *oid, column, ForeignKeys::count, left_out));
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

}  // namespace

Result<std::vector<std::string>> obstacles_to_undo(Session& session, const CreateTableBody& body,
                                                   const LeavingForeignKeys& leaving) {
  PGPHASE_TRY(oid, table_oid(session, body.table));
  if (!oid) return std::vector<std::string>();
  PGPHASE_TRY(left_out, oids_of(session, leaving));
  return table_obstacles(session, body.table, *oid, left_out);
}

Result<std::vector<std::string>> obstacles_to_undo(Session& session, const AddColumnBody& body,
                                                   const LeavingForeignKeys& leaving) {
  return obstacles_of(session, body.table, {body.column}, leaving);
}

Result<std::vector<std::string>> obstacles_to_undo(Session& session, const LinkColumnsBody& body,
                                                   const LeavingForeignKeys& leaving) {
  std::vector<std::string> columns;
  for (const auto& target : body.targets) columns.push_back(target.name);
  return obstacles_of(session, body.table, columns, leaving);
}

}  // namespace pgphase
