// Schemas, extensions, relations of every kind but indexes, sequences.
#include "phases/catalogue/family.hpp"

namespace pgphase {

Family schemas() {
  return {R"sql(
SELECT 'pg_namespace'::regclass::oid, n.oid, 0, 'schema', format('%I', n.nspname), pg_get_userbyid(n.nspowner)
  FROM pg_namespace n JOIN kept USING (oid)
 WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_namespace'::regclass AND m.objid = n.oid)
)sql",
          {"owner"}};
}

Family extensions() {
  return {R"sql(
SELECT 'pg_extension'::regclass::oid, e.oid, 0, 'extension', format('%I', extname),
       extversion, format('%I', n.nspname), pg_get_userbyid(extowner)
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
)sql",
          {"version", "schema", "owner"}};
}

// relam and reltablespace are 0 where there is none or the database's own. pg_get_viewdef reads the catalogue as it is
// now and not as of the snapshot; take_snapshot tries again when that goes wrong.
Family relations() {
  return {R"sql(, parents AS (
  SELECT inhrelid, string_agg(format('%I.%I%s', n.nspname, p.relname, CASE WHEN inhdetachpending THEN ' (detach pending)' END),
                              ', ' ORDER BY inhseqno) AS names
    FROM pg_inherits JOIN pg_class p ON p.oid = inhparent JOIN pg_namespace n ON n.oid = p.relnamespace
   WHERE p.relkind IN ('r', 'p', 'f') GROUP BY inhrelid
)
SELECT 'pg_class'::regclass::oid, c.oid, 0,
       CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
                      WHEN 'S' THEN 'sequence' ELSE 'table' END,
       c.name,
       pg_get_userbyid(c.relowner),
       CASE WHEN c.relpersistence = 'u' THEN 'unlogged' WHEN c.relkind NOT IN ('v', 'f') THEN 'permanent' END,
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
       CASE WHEN c.relispartition THEN i.names END,
       CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END,
       CASE WHEN NOT c.relispartition THEN i.names END,
       CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END,
       am.amname,
       ts.spcname,
       array_to_string(c.reloptions, ', '),
       array_to_string(toast.reloptions, ', '),
       CASE WHEN c.relrowsecurity AND c.relforcerowsecurity THEN 'enabled and forced' WHEN c.relrowsecurity THEN 'enabled'
            WHEN c.relforcerowsecurity THEN 'forced but not enabled' WHEN c.relkind IN ('r', 'p') THEN 'disabled' END,
       CASE WHEN c.relkind NOT IN ('r', 'p', 'm') THEN NULL WHEN c.relreplident = 'd' THEN 'the primary key'
            WHEN c.relreplident = 'f' THEN 'full' WHEN c.relreplident = 'n' THEN 'nothing'
            ELSE coalesce((SELECT format('index %I', x.relname) FROM pg_index k JOIN pg_class x ON x.oid = k.indexrelid
                            WHERE k.indrelid = c.oid AND k.indisreplident), 'an index that is gone') END,
       CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
       CASE WHEN c.relkind = 'm' THEN CASE WHEN c.relispopulated THEN 'yes' ELSE 'no' END END,
       quote_ident(srv.srvname),
       array_to_string(ft.ftoptions, ', ')
  FROM rel c
  LEFT JOIN parents i ON i.inhrelid = c.oid
  LEFT JOIN pg_am am ON am.oid = c.relam
  LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
  LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid
  LEFT JOIN pg_foreign_table ft ON ft.ftrelid = c.oid
  LEFT JOIN pg_foreign_server srv ON srv.oid = ft.ftserver
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
)sql",
          {"owner", "persistence", "partition key", "partition of", "bound", "inherits", "of type", "access method",
           "tablespace", "options", "toast options", "row security", "replica identity", "definition", "populated",
           "server", "server options"}};
}

// Not how far it has counted: that is data.
Family sequences() {
  return {R"sql(
SELECT 'pg_class'::regclass::oid, c.oid, 0, 'sequence', c.name,
       format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
       CASE WHEN s.seqcycle THEN 'yes' ELSE 'no' END,
       o.table_name, o.table_name || '.' || quote_ident(o.attname)
  FROM rel c JOIN pg_sequence s ON s.seqrelid = c.oid
  LEFT JOIN (SELECT d.objid, t.name AS table_name, a.attname
               FROM pg_depend d JOIN rel t ON t.oid = d.refobjid
               JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
              WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
                AND d.deptype IN ('a', 'i')) o ON o.objid = c.oid
)sql",
          {"type", "start", "increment", "minimum", "maximum", "cache", "cycles", "table", "owned by"}};
}

}  // namespace pgphase
