// Indexes, constraints, extended statistics: what covers columns.
#include "phases/catalogue/family.hpp"

namespace pgphase {

// The definition has the storage parameters in it. Which index the table's replica identity is stands with the table.
Family indexes() {
  return {R"sql(
SELECT 'pg_class'::regclass::oid, c.oid, 0, 'index', c.name,
       t.name,
       pg_get_indexdef(c.oid),
       CASE WHEN i.indisvalid AND i.indisready AND i.indislive THEN 'yes' ELSE 'no' END,
       CASE WHEN i.indisclustered THEN 'yes' END,
       ts.spcname,
       (SELECT format('%I.%I', n.nspname, p.relname)
          FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace n ON n.oid = p.relnamespace
         WHERE h.inhrelid = c.oid),
       (SELECT string_agg(format('%s: %s', a.attnum, a.attstattarget), ', ' ORDER BY a.attnum)
          FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attstattarget >= 0)
  FROM pg_index i
  JOIN rel c ON c.oid = i.indexrelid
  JOIN rel t ON t.oid = i.indrelid
  LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
 WHERE c.relname !~ '^_pgphase_'
   AND NOT EXISTS (SELECT FROM hidden h WHERE h.attrelid = i.indrelid AND h.attnum = ANY (i.indkey))
   AND NOT EXISTS (SELECT FROM uses_hidden u WHERE u.classid = 'pg_class'::regclass AND u.objid = c.oid)
   AND NOT EXISTS (SELECT FROM pg_constraint k JOIN uses_hidden u ON u.classid = 'pg_constraint'::regclass AND u.objid = k.oid
                    WHERE k.conindid = c.oid AND k.conrelid = i.indrelid)
)sql",
          {"table", "definition", "valid", "clustered on", "tablespace", "attached to", "statistics targets"}};
}

// NOT NULL of 18 stands with the column; a constraint trigger with the triggers. A foreign key to a partitioned table
// has a copy of itself for each of its partitions, which nobody can change. The expressions of EXCLUDE are its index's.
Family constraints() {
  return {R"sql(
SELECT 'pg_constraint'::regclass::oid, k.oid, 0, 'constraint', format('%s.%I', t.name, k.conname),
       t.name,
       regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', ''),
       CASE WHEN k.convalidated THEN 'yes' ELSE 'no' END
  FROM pg_constraint k
  JOIN rel t ON t.oid = k.conrelid
  LEFT JOIN pg_constraint p ON p.oid = k.conparentid
 WHERE k.contype NOT IN ('n', 't')
   AND p.conrelid IS DISTINCT FROM k.conrelid
   AND NOT EXISTS (SELECT FROM uses_hidden u WHERE u.classid = 'pg_constraint'::regclass AND u.objid = k.oid)
   AND NOT (k.contype = 'x' AND EXISTS (SELECT FROM uses_hidden u
                                         WHERE u.classid = 'pg_class'::regclass AND u.objid = k.conindid))
)sql",
          {"table", "definition", "validated"}};
}

Family statistics() {
  return {R"sql(
SELECT 'pg_statistic_ext'::regclass::oid, s.oid, 0, 'statistics', format('%I.%I', n.nspname, s.stxname),
       t.name,
       pg_get_statisticsobjdef(s.oid),
       CASE WHEN s.stxstattarget >= 0 THEN s.stxstattarget END,
       pg_get_userbyid(s.stxowner)
  FROM pg_statistic_ext s
  JOIN kept n ON n.oid = s.stxnamespace
  JOIN rel t ON t.oid = s.stxrelid
 WHERE NOT EXISTS (SELECT FROM uses_hidden u WHERE u.classid = 'pg_statistic_ext'::regclass AND u.objid = s.oid)
)sql",
          {"table", "definition", "target", "owner"}};
}

}  // namespace pgphase
