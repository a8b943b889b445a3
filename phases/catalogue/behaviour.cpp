// What acts by itself: triggers, rules, policies, event triggers.
#include "phases/catalogue/family.hpp"

namespace pgphase {

// Not those that carry out a foreign key or a deferrable constraint. The copy of a trigger on a partition is told only
// where it does not fire as the original does.
Family triggers() {
  return {R"sql(
SELECT 'pg_trigger'::regclass::oid, g.oid, 0, 'trigger', format('%s.%I', t.name, g.tgname),
       t.name,
       pg_get_triggerdef(g.oid),
       CASE g.tgenabled WHEN 'O' THEN 'yes' WHEN 'D' THEN 'no' WHEN 'R' THEN 'on replicas only' ELSE 'always' END
  FROM pg_trigger g
  JOIN rel t ON t.oid = g.tgrelid
  LEFT JOIN pg_trigger p ON p.oid = g.tgparentid
  LEFT JOIN pg_constraint k ON k.oid = g.tgconstraint
 WHERE (k.oid IS NULL OR k.contype = 't')
   AND p.tgenabled IS DISTINCT FROM g.tgenabled
   AND g.tgname !~ '^[!~_]pgphase_'
   AND NOT EXISTS (SELECT FROM uses_hidden u WHERE u.classid = 'pg_trigger'::regclass AND u.objid = g.oid)
)sql",
          {"table", "definition", "enabled"}};
}

Family rules() {
  return {R"sql(
SELECT 'pg_rewrite'::regclass::oid, r.oid, 0, 'rule', format('%s.%I', t.name, r.rulename),
       t.name,
       pg_get_ruledef(r.oid),
       CASE r.ev_enabled WHEN 'O' THEN 'yes' WHEN 'D' THEN 'no' WHEN 'R' THEN 'on replicas only' ELSE 'always' END
  FROM pg_rewrite r JOIN rel t ON t.oid = r.ev_class
 WHERE r.rulename <> '_RETURN'
)sql",
          {"table", "definition", "enabled"}};
}

Family policies() {
  return {R"sql(
SELECT 'pg_policy'::regclass::oid, p.oid, 0, 'policy', format('%s.%I', t.name, p.polname),
       t.name,
       CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
       CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
       (SELECT string_agg(CASE WHEN role = 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(role)) END, ', '
                          ORDER BY pg_get_userbyid(role))
          FROM unnest(p.polroles) AS role),
       pg_get_expr(p.polqual, p.polrelid),
       pg_get_expr(p.polwithcheck, p.polrelid)
  FROM pg_policy p JOIN rel t ON t.oid = p.polrelid
)sql",
          {"table", "for", "kind", "roles", "using", "with check"}};
}

Family event_triggers() {
  return {R"sql(
SELECT 'pg_event_trigger'::regclass::oid, e.oid, 0, 'event trigger', format('%I', e.evtname),
       e.evtevent,
       array_to_string(e.evttags, ', '),
       e.evtfoid::regprocedure,
       CASE e.evtenabled WHEN 'O' THEN 'yes' WHEN 'D' THEN 'no' WHEN 'R' THEN 'on replicas only' ELSE 'always' END,
       pg_get_userbyid(e.evtowner)
  FROM pg_event_trigger e
 WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_event_trigger'::regclass AND m.objid = e.oid)
)sql",
          {"event", "tags", "function", "enabled", "owner"}};
}

}  // namespace pgphase
