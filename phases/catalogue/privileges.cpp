// Who may do what, and what people have written about things.
#include "phases/catalogue/family.hpp"

namespace pgphase {

Family default_privileges() {
  return {R"sql(
SELECT 'pg_default_acl'::regclass::oid, d.oid, 0, 'default privileges',
       format('of %I%s on %s', pg_get_userbyid(d.defaclrole), CASE WHEN n.oid IS NOT NULL THEN format(' in %I', n.nspname) END,
              CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
                                   WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END)
  FROM pg_default_acl d LEFT JOIN kept n ON n.oid = d.defaclnamespace
 WHERE d.defaclnamespace = 0 OR n.oid IS NOT NULL
)sql",
          {}};
}

// What differs from what PostgreSQL grants by default: GRANT and REVOKE turn an empty list into one that says the same.
// The owner is called so, because a new owner inherits his grants. Default privileges of one schema add to the usual
// ones.
std::string_view privileges() {
  return R"sql(, acls AS (
  SELECT 'pg_class'::regclass::oid AS class, oid, 0 AS sub, relowner AS owner, relacl AS acl,
         acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner) AS usual
    FROM pg_class WHERE relacl IS NOT NULL
  UNION ALL
  SELECT 'pg_class'::regclass, c.oid, attnum, relowner, attacl, NULL
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE attacl IS NOT NULL
  UNION ALL
  SELECT 'pg_proc'::regclass, oid, 0, proowner, proacl, acldefault('f', proowner) FROM pg_proc WHERE proacl IS NOT NULL
  UNION ALL
  SELECT 'pg_type'::regclass, oid, 0, typowner, typacl, acldefault('T', typowner) FROM pg_type WHERE typacl IS NOT NULL
  UNION ALL
  SELECT 'pg_namespace'::regclass, oid, 0, nspowner, nspacl, acldefault('n', nspowner)
    FROM pg_namespace WHERE nspacl IS NOT NULL
  UNION ALL
  SELECT 'pg_foreign_data_wrapper'::regclass, oid, 0, fdwowner, fdwacl, acldefault('F', fdwowner)
    FROM pg_foreign_data_wrapper WHERE fdwacl IS NOT NULL
  UNION ALL
  SELECT 'pg_foreign_server'::regclass, oid, 0, srvowner, srvacl, acldefault('S', srvowner)
    FROM pg_foreign_server WHERE srvacl IS NOT NULL
  UNION ALL
  SELECT 'pg_database'::regclass, oid, 0, datdba, datacl, acldefault('d', datdba)
    FROM pg_database WHERE datacl IS NOT NULL AND datname = current_database()
  UNION ALL
  SELECT 'pg_default_acl'::regclass, oid, 0, defaclrole, defaclacl,
         CASE WHEN defaclnamespace = 0
              THEN acldefault(CASE defaclobjtype WHEN 'S' THEN 's' ELSE defaclobjtype END, defaclrole) END
    FROM pg_default_acl
), listed AS (
  SELECT class, oid, sub, owner, list, grantee,
         string_agg(privilege_type || CASE WHEN grantable THEN ' with grant option' ELSE '' END, ', '
                    ORDER BY privilege_type) AS privileges
    FROM (SELECT class, oid, sub, owner, list, grantee, privilege_type, bool_or(is_grantable) AS grantable
            FROM (SELECT class, oid, sub, owner, 'now' AS list, x.* FROM acls, aclexplode(acl) x
                  UNION ALL
                  SELECT class, oid, sub, owner, 'usual', x.* FROM acls, aclexplode(usual) x) both_lists
           GROUP BY 1, 2, 3, 4, 5, 6, 7) each_privilege
   GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT class, oid, sub,
       'grants to ' || CASE grantee WHEN 0 THEN 'PUBLIC' WHEN owner THEN 'the owner' ELSE format('%I', pg_get_userbyid(grantee)) END,
       coalesce(max(privileges) FILTER (WHERE list = 'now'), 'none')
  FROM listed
 GROUP BY class, oid, sub, owner, grantee
HAVING max(privileges) FILTER (WHERE list = 'now') IS DISTINCT FROM max(privileges) FILTER (WHERE list = 'usual')
)sql";
}

// Below 16384 is what initdb made, of which schema public and plpgsql are of interest.
std::string_view comments() {
  return R"sql(
SELECT classoid, objoid, objsubid, 'comment', description FROM pg_description
 WHERE objoid >= 16384 OR classoid IN ('pg_namespace'::regclass, 'pg_extension'::regclass)
UNION ALL
SELECT 'pg_type'::regclass, k.contypid, 0, format('comment on %I', k.conname), d.description
  FROM pg_description d JOIN pg_constraint k ON d.classoid = 'pg_constraint'::regclass AND k.oid = d.objoid
 WHERE k.contypid <> 0
)sql";
}

std::string_view security_labels() {
  return "SELECT classoid, objoid, objsubid, format('security label of %I', provider), label FROM pg_seclabel";
}

}  // namespace pgphase
