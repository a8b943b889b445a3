#include "phases/catalogue/family.hpp"

namespace pgphase {

// The place is among the columns that are there and not hidden: dropped ones leave gaps in attnum that mean nothing.
// From 18 on NOT NULL is a constraint of its own too; it is told here, and its name where it is not the one that
// PostgreSQL gives. attstattarget is -1 up to 16 and NULL from 17 on when nobody has set it; 14 and 15 show an
// attcompression of '\0' as ''.
Family columns() {
  return {R"sql(
SELECT 'pg_class'::regclass::oid, c.oid, a.attnum, 'column', format('%s.%I', c.name, a.attname),
       c.name,
       row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum),
       format_type(a.atttypid, a.atttypmod),
       CASE WHEN NOT a.attnotnull THEN 'yes' WHEN nn.convalidated IS FALSE THEN 'no, but not validated'
            WHEN nn.connoinherit THEN 'no, but heirs may' ELSE 'no' END,
       CASE WHEN nn.conname <> left(c.relname || '_' || a.attname, 54) || '_not_null' THEN format('%I', nn.conname) END,
       CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
       CASE a.attgenerated WHEN '' THEN NULL WHEN 'v' THEN 'virtual as ' ELSE 'stored as ' END || pg_get_expr(d.adbin, d.adrelid),
       CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
       CASE WHEN a.attcollation <> t.typcollation THEN (SELECT format('%I.%I', n.nspname, co.collname)
              FROM pg_collation co JOIN pg_namespace n ON n.oid = co.collnamespace WHERE co.oid = a.attcollation) END,
       CASE WHEN a.attstorage <> t.typstorage THEN
         CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END END,
       CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
       CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END,
       array_to_string(a.attoptions, ', '),
       array_to_string(a.attfdwoptions, ', ')
  FROM rel c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname !~ '^_pgphase_'
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN pg_constraint nn ON nn.conrelid = a.attrelid AND nn.contype = 'n' AND nn.conkey[1] = a.attnum
 WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c')
)sql",
          {"table", "place", "type", "nullable", "name of its NOT NULL", "default", "generated", "identity",
           "collation", "storage", "compression", "statistics target", "options", "server options"}};
}

}  // namespace pgphase
