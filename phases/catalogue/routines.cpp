// Functions, procedures and aggregates.
#include "phases/catalogue/family.hpp"

namespace pgphase {

// Part by part and not pg_get_functiondef, so that a difference says which part. A body in standard SQL (BEGIN ATOMIC)
// has no prosrc.
Family functions() {
  return {R"sql(
SELECT 'pg_proc'::regclass::oid, p.oid, 0, CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END,
       format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)),
       pg_get_userbyid(p.proowner),
       pg_get_function_arguments(p.oid),
       pg_get_function_result(p.oid),
       l.lanname,
       coalesce(pg_get_function_sqlbody(p.oid), p.prosrc),
       p.probin,
       CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
       CASE WHEN p.proisstrict THEN 'returns NULL' ELSE 'is called' END,
       CASE WHEN p.prosecdef THEN 'its owner' ELSE 'its caller' END,
       CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END,
       CASE WHEN p.proleakproof THEN 'yes' END,
       CASE WHEN p.prokind = 'w' THEN 'yes' END,
       p.procost,
       CASE WHEN p.proretset THEN p.prorows END,
       CASE WHEN p.prosupport <> 0 THEN p.prosupport END,
       array_to_string(p.proconfig, ', '),
       (SELECT string_agg(format_type(type, NULL), ', ') FROM unnest(p.protrftypes) AS type)
  FROM pg_proc p
  JOIN kept n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
 WHERE p.prokind <> 'a'
   AND p.proname !~ '^[!~_]pgphase_'
   AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
   -- the constructors of a range type come and go with it
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')
)sql",
          {"owner", "arguments", "returns", "language", "body", "library", "volatility", "on NULL arguments", "runs as",
           "parallel", "leakproof", "window", "cost", "rows", "support", "settings", "transforms"}};
}

Family aggregates() {
  return {R"sql(
SELECT 'pg_proc'::regclass::oid, p.oid, 0, 'aggregate',
       format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)),
       pg_get_userbyid(p.proowner),
       pg_get_function_arguments(p.oid),
       pg_get_function_result(p.oid),
       concat_ws(', ', 'sfunc ' || a.aggtransfn, 'stype ' || format_type(a.aggtranstype, NULL),
                 'initcond ' || quote_literal(a.agginitval),
                 CASE WHEN a.aggfinalfn <> 0 THEN 'finalfunc ' || a.aggfinalfn END,
                 CASE WHEN a.aggfinalextra THEN 'finalfunc_extra' END, 'finalfunc_modify ' || a.aggfinalmodify::text,
                 CASE WHEN a.aggcombinefn <> 0 THEN 'combinefunc ' || a.aggcombinefn END,
                 CASE WHEN a.aggserialfn <> 0 THEN 'serialfunc ' || a.aggserialfn END,
                 CASE WHEN a.aggdeserialfn <> 0 THEN 'deserialfunc ' || a.aggdeserialfn END,
                 CASE WHEN a.aggmtransfn <> 0 THEN 'msfunc ' || a.aggmtransfn END,
                 CASE WHEN a.aggminvtransfn <> 0 THEN 'minvfunc ' || a.aggminvtransfn END,
                 CASE WHEN a.aggmfinalfn <> 0 THEN 'mfinalfunc ' || a.aggmfinalfn END,
                 CASE WHEN a.aggmtranstype <> 0 THEN 'mstype ' || format_type(a.aggmtranstype, NULL) END,
                 'minitcond ' || quote_literal(a.aggminitval),
                 CASE WHEN a.aggsortop <> 0 THEN 'sortop ' || a.aggsortop::regoperator END,
                 CASE WHEN a.aggkind <> 'n' THEN 'kind ' || a.aggkind::text END, 'parallel ' || p.proparallel::text)
  FROM pg_proc p
  JOIN pg_aggregate a ON a.aggfnoid = p.oid
  JOIN kept n ON n.oid = p.pronamespace
 WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
)sql",
          {"owner", "arguments", "returns", "definition"}};
}

}  // namespace pgphase
