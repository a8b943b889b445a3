#include "phases/steps/index_definition.hpp"

#include <boost/json.hpp>

#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// attstattarget: 17 and later say NULL for the default, earlier ones -1.
constexpr const char* k_afterwards = R"sql(
SELECT line FROM (
  SELECT 0, format('COMMENT ON INDEX %s IS %L', $1::regclass, obj_description($1::regclass, 'pg_class'))
   WHERE obj_description($1::regclass, 'pg_class') IS NOT NULL
  UNION ALL
  SELECT attnum, format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s', $1::regclass, attnum, attstattarget)
    FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND attstattarget >= 0
  UNION ALL
  SELECT 1000, format('ALTER TABLE %s CLUSTER ON %I', indrelid::regclass, relname)
    FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indexrelid = $1::regclass AND indisclustered
) all_of_it(place, line) ORDER BY place)sql";

}  // namespace

Result<IndexDefinition> read_index_definition(Session& session, const TableName& index) {
  PGPHASE_TRY(facts,
              session.query("SELECT pg_get_indexdef(i.indexrelid), t.relname, n.nspname, "
                            "pg_relation_size(i.indexrelid), i.indisreplident FROM pg_index i "
                            "JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace "
                            "WHERE i.indexrelid = $1::regclass",
                            {qualified(index)}));
  IndexDefinition definition;
  definition.sql = facts[0].text(0);
  definition.table = {facts[0].text(2), facts[0].text(1)};
  definition.bytes = facts[0].integer(3);
  definition.replica_identity = facts[0].boolean(4);
  PGPHASE_TRY(lines, session.query(k_afterwards, {qualified(index)}));
  for (const auto& line : lines) definition.afterwards.push_back(line.text(0));
  return definition;
}

std::string to_json(const IndexDefinition& definition) {
  const boost::json::array afterwards(definition.afterwards.begin(), definition.afterwards.end());
  return boost::json::serialize(boost::json::object{{"sql", definition.sql}, {"afterwards", afterwards}});
}

IndexDefinition index_definition_from_json(const std::string& json) {
  const auto object = boost::json::parse(json).as_object();
  IndexDefinition definition;
  definition.sql = object.at("sql").as_string();
  if (const auto* afterwards = object.if_contains("afterwards")) {
    for (const auto& line : afterwards->as_array()) definition.afterwards.emplace_back(line.as_string());
  }
  return definition;
}

std::string concurrently(std::string definition) {
  const std::string_view keyword = " INDEX ";
  const auto at = definition.find(keyword);
  return definition.insert(at + keyword.size(), "CONCURRENTLY ");
}

}  // namespace pgphase
