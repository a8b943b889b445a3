// Foreign data wrappers and servers. Not user mappings: they hold passwords, and only their owners may read them.
#include "phases/catalogue/family.hpp"

namespace pgphase {

Family foreign_data_wrappers() {
  return {R"sql(
SELECT 'pg_foreign_data_wrapper'::regclass::oid, w.oid, 0, 'foreign data wrapper', format('%I', w.fdwname),
       pg_get_userbyid(w.fdwowner),
       CASE WHEN w.fdwhandler <> 0 THEN w.fdwhandler::regproc END,
       CASE WHEN w.fdwvalidator <> 0 THEN w.fdwvalidator::regproc END,
       (SELECT string_agg(CASE WHEN o ~* '^[^=]*(password|secret|token)' THEN regexp_replace(o, '=.*', '=...') ELSE o END, ', ')
          FROM unnest(w.fdwoptions) AS o)
  FROM pg_foreign_data_wrapper w
 WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_foreign_data_wrapper'::regclass AND m.objid = w.oid)
)sql",
          {"owner", "handler", "validator", "options"}};
}

// An option that sounds like a secret is not read: the ledger keeps snapshots.
Family foreign_servers() {
  return {R"sql(
SELECT 'pg_foreign_server'::regclass::oid, s.oid, 0, 'foreign server', format('%I', s.srvname),
       pg_get_userbyid(s.srvowner),
       format('%I', w.fdwname), s.srvtype, s.srvversion,
       (SELECT string_agg(CASE WHEN o ~* '^[^=]*(password|secret|token)' THEN regexp_replace(o, '=.*', '=...') ELSE o END, ', ')
          FROM unnest(s.srvoptions) AS o)
  FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
 WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_foreign_server'::regclass AND m.objid = s.oid)
)sql",
          {"owner", "wrapper", "type", "version", "options"}};
}

}  // namespace pgphase
