#include "phases/catalogue/family.hpp"

#include <fmt/format.h>

namespace pgphase {

std::string in_sight(std::string_view class_name, std::string_view oids) {
  return fmt::format(R"sql((
  SELECT bool_and(coalesce(a.attname ~ '^_pgphase_' OR k.relnamespace = to_regnamespace('pgphase_retired'), false))
    FROM pg_depend d
    LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
    LEFT JOIN pg_class k ON k.oid = CASE d.classid WHEN 'pg_class'::regclass THEN d.objid ELSE f.adrelid END
    LEFT JOIN pg_attribute a ON a.attrelid = k.oid
         AND a.attnum = CASE d.classid WHEN 'pg_class'::regclass THEN d.objsubid ELSE f.adnum END
   WHERE d.refclassid = '{}'::regclass AND d.refobjid IN ({}) AND d.deptype = 'n') IS NOT TRUE)sql",
                     class_name, oids);
}

namespace {

// A sequence depends on the column that owns it, so `rel` has none whose column is hidden. uses_hidden has no index of
// a constraint: that one depends on the constraint alone (indexes.cpp).
const std::string k_text = std::string(R"sql(
WITH kept AS (
  SELECT oid, nspname FROM pg_namespace
   WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'pgphase', 'pgphase_retired')
), member AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), hidden AS (
  SELECT attrelid, attnum FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attname ~ '^_pgphase_'
), uses_hidden AS (
  SELECT d.classid, d.objid FROM pg_depend d JOIN hidden h ON h.attrelid = d.refobjid AND h.attnum = d.refobjsubid
   WHERE d.refclassid = 'pg_class'::regclass
), rel AS (
  SELECT c.*, format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_class c JOIN kept n ON n.oid = c.relnamespace
   WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
     AND NOT (c.relkind = 'c' AND EXISTS (SELECT FROM member m
                                           WHERE m.classid = 'pg_type'::regclass AND m.objid = c.reltype))
     AND NOT (c.relkind = 'S' AND EXISTS (SELECT FROM uses_hidden u
                                           WHERE u.classid = 'pg_class'::regclass AND u.objid = c.oid))
     AND (c.relkind <> 'S' OR )sql") +
                           in_sight("pg_class", "c.oid") + R"sql()
     AND (c.relkind <> 'c' OR )sql" + in_sight("pg_type", "c.reltype, (SELECT typarray FROM pg_type WHERE oid = c.reltype)") +
                           R"sql()
)
)sql";

}  // namespace

const std::string_view k_common = k_text;

std::vector<Family> families(int server_version) {
  return {database(),
          schemas(),
          extensions(),
          relations(),
          sequences(),
          columns(),
          indexes(),
          constraints(),
          statistics(),
          triggers(),
          rules(),
          policies(),
          event_triggers(),
          functions(),
          aggregates(),
          enums(),
          domains(),
          ranges(),
          composite_types(),
          base_types(),
          publications(server_version),
          foreign_data_wrappers(),
          foreign_servers(),
          default_privileges()};
}

std::vector<std::string_view> notes(int server_version) {
  return {publication_members(server_version), comments(), database_settings(), security_labels(), privileges()};
}

}  // namespace pgphase
