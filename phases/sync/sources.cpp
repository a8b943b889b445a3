#include "phases/sync/sources.hpp"

#include <fmt/format.h>

#include "phases/postgres/volatility.hpp"
#include "phases/sync/settings.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// The columns of a partition key, in its expressions too, depend on their table internally. Of a partition the tables
// above it count, and of a partitioned table those below.
constexpr const char* k_in_partition_key = R"sql(
SELECT EXISTS (SELECT FROM (SELECT relid FROM pg_partition_tree($1::oid::regclass)
                             UNION SELECT relid FROM pg_partition_ancestors($1::oid::regclass)) t
                 JOIN pg_partitioned_table p ON p.partrelid = t.relid
                 JOIN pg_attribute k ON k.attrelid = t.relid AND k.attname = $2
                 JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = t.relid AND d.objsubid = k.attnum
                  AND d.refclassid = 'pg_class'::regclass AND d.refobjid = t.relid AND d.refobjsubid = 0
                  AND d.deptype = 'i')
)sql";

Result<std::optional<SourceRefusal>> refusal(Session& session, const LinkColumnsBody& body, const std::string& oid,
                                             const LinkedColumn& source, const KnownColumn& known) {
  const auto what = fmt::format("column {} of table {}", source.name, display_name(body.table));
  if (known.generated) {
    return std::optional(SourceRefusal{
        fmt::format("{} is generated, and its value is not there yet when a trigger could follow it", what),
        "derive the new column from what the generated one is made of"});
  }
  if (source.expression.empty()) return std::optional<SourceRefusal>();
  PGPHASE_TRY(key, session.query(k_in_partition_key, {oid, source.name}));
  if (key[0].boolean(0)) {
    return std::optional(SourceRefusal{
        fmt::format("{} is part of a partition key, and a trigger cannot move a row to another partition", what),
        "leave the way back (`down`) to it away"});
  }
  if (body.one_is_the_other || (known.default_sql.empty() && !known.identity)) return std::optional<SourceRefusal>();
  bool never_twice_the_same = known.identity;
  if (!never_twice_the_same) {
    PGPHASE_TRY(is_volatile, any_volatile(session, "", {known.default_sql}));
    never_twice_the_same = is_volatile;
  }
  if (!never_twice_the_same) return std::optional<SourceRefusal>();
  return std::optional(
      SourceRefusal{fmt::format("the default of {} is another one for each row ({}), so nobody can tell a row that was "
                                "written without it",
                                what, known.identity ? "an identity" : known.default_sql),
                    "leave the way back (`down`) away, or take the default off first"});
}

// Whoever writes would convert by the settings of his own session, and the backfill by those of ours.
Result<std::vector<SourceRefusal>> refused_conversions(Session& session, const LinkColumnsBody& body,
                                                       const std::string& oid) {
  std::vector<SourceRefusal> refused;
  const auto look = [&](const std::string& from, const std::string& to, const LinkedColumn& column,
                        const std::string& key) -> Result<void> {
    PGPHASE_TRY(depends, conversion_depends_on_settings(session, from, to));
    if (!depends) return {};
    refused.push_back(
        {fmt::format("what {} becomes as {} depends on settings of the session that writes it (TimeZone, DateStyle, "
                     "lc_monetary and their like), so that the same value would become another one for somebody else",
                     from, to),
         fmt::format("say in `{}` what is meant, as in {} AT TIME ZONE 'Europe/Berlin' or to_char({}, 'YYYY-MM-DD')",
                     key, column.name, column.name)});
    return {};
  };
  for (const auto& target : body.targets) {
    if (target.type.empty()) continue;
    const auto& name = target.called.empty() ? target.name : target.called;
    for (const auto& source : body.sources) {
      PGPHASE_TRY(known, known_column(session, oid, source.name));
      if (!known) continue;
      if (bare_column(target.expression, {source})) PGPHASE_CHECK(look(known->type, target.type, source, "fill"));
      if (bare_column(source.expression, {target})) {
        PGPHASE_CHECK(look(target.type, known->type, {name, "", "", ""}, "down"));
      }
    }
  }
  return refused;
}

}  // namespace

Result<std::optional<KnownColumn>> known_column(Session& session, const std::string& oid, const std::string& column) {
  PGPHASE_TRY(
      rows,
      session.query("SELECT format_type(a.atttypid, a.atttypmod), "
                    "       (SELECT format(' COLLATE %I.%I', n.nspname, c.collname) FROM pg_collation c "
                    "          JOIN pg_namespace n ON n.oid = c.collnamespace "
                    "         WHERE c.oid = a.attcollation AND a.attcollation <> t.typcollation), "
                    "       pg_get_expr(d.adbin, d.adrelid), a.attgenerated <> '', a.attidentity <> '', a.attnotnull, "
                    "       CASE WHEN a.atttypid = 'varchar'::regtype AND a.atttypmod > 4 THEN "
                    "         a.atttypmod - 4 ELSE 0 END "
                    "  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
                    "  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
                    " WHERE a.attrelid = $1 AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped",
                    {oid, column}));
  if (rows.empty()) return std::optional<KnownColumn>();
  const auto& row = rows[0];
  return std::optional(KnownColumn{row.text(0), row.text(1), row.text(2), row.boolean(3), row.boolean(4),
                                   row.boolean(5), static_cast<int>(row.integer(6))});
}

Result<std::vector<SourceRefusal>> refused_sources(Session& session, const LinkColumnsBody& body,
                                                   const std::string& oid) {
  std::vector<SourceRefusal> refused;
  for (const auto& source : body.sources) {
    PGPHASE_TRY(known, known_column(session, oid, source.name));
    if (!known) continue;
    PGPHASE_TRY(one, refusal(session, body, oid, source, *known));
    if (one) refused.push_back(std::move(*one));
  }
  PGPHASE_TRY(conversions, refused_conversions(session, body, oid));
  refused.insert(refused.end(), conversions.begin(), conversions.end());
  return refused;
}

}  // namespace pgphase
