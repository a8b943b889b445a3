// The database itself: what is the same for all that is in it.
#include "phases/catalogue/family.hpp"

namespace pgphase {

// Without a name, so that a restored or renamed copy is the same.
Family database() {
  return {R"sql(
SELECT 'pg_database'::regclass::oid, oid, 0, 'database', '', pg_get_userbyid(datdba), shobj_description(oid, 'pg_database')
  FROM pg_database WHERE datname = current_database()
)sql",
          {"owner", "comment"}};
}

// Of settings that applications make up themselves ("app.jwt_secret") only the name counts: the value may be a secret.
std::string_view database_settings() {
  return R"sql(
SELECT 'pg_database'::regclass::oid, s.setdatabase, 0,
       CASE s.setrole WHEN 0 THEN 'settings' ELSE format('settings for %I', pg_get_userbyid(s.setrole)) END,
       (SELECT string_agg(CASE WHEN split_part(item, '=', 1) ~ '[.]' THEN split_part(item, '=', 1) ELSE item END, ', '
                          ORDER BY item)
          FROM unnest(s.setconfig) item)
  FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
 WHERE d.datname = current_database()
)sql";
}

}  // namespace pgphase
