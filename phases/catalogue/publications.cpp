// Publications and what they hold.
#include "phases/catalogue/family.hpp"

namespace pgphase {
namespace {

#define PGPHASE_PUBLICATION                                                                                   \
  "SELECT 'pg_publication'::regclass::oid, p.oid, 0, 'publication', format('%I', p.pubname), "                \
  "       pg_get_userbyid(p.pubowner), "                                                                      \
  "       CASE WHEN p.puballtables THEN 'yes' ELSE 'no' END, "                                                \
  "       concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END, " \
  "                 CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END), "  \
  "       CASE WHEN p.pubviaroot THEN 'yes' ELSE 'no' END"

constexpr std::string_view k_publications = PGPHASE_PUBLICATION ", NULL FROM pg_publication p";

// From 18 on.
constexpr std::string_view k_publications_18 =
    PGPHASE_PUBLICATION ", CASE p.pubgencols WHEN 's' THEN 'stored' ELSE 'none' END FROM pg_publication p";

#undef PGPHASE_PUBLICATION

constexpr std::string_view k_members_14 = R"sql(
SELECT 'pg_publication'::regclass::oid, r.prpubid, 0, 'table ' || t.name, 'in it'
  FROM pg_publication_rel r JOIN rel t ON t.oid = r.prrelid
)sql";

// From 15 on: some columns, some rows, whole schemas.
constexpr std::string_view k_members = R"sql(
SELECT 'pg_publication'::regclass::oid, r.prpubid, 0, 'table ' || t.name,
       concat_ws(', ', 'in it',
         'columns ' || (SELECT string_agg(format('%I', a.attname), ' ' ORDER BY a.attnum)
                          FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = ANY (r.prattrs)),
         'where ' || pg_get_expr(r.prqual, r.prrelid))
  FROM pg_publication_rel r JOIN rel t ON t.oid = r.prrelid
UNION ALL
SELECT 'pg_publication'::regclass::oid, s.pnpubid, 0, format('schema %I', n.nspname), 'in it'
  FROM pg_publication_namespace s JOIN kept n ON n.oid = s.pnnspid
)sql";

}  // namespace

Family publications(int server_version) {
  return {server_version >= 180000 ? k_publications_18 : k_publications,
          {"owner", "all tables", "publishes", "via the root", "generated columns"}};
}

std::string_view publication_members(int server_version) {
  return server_version >= 150000 ? k_members : k_members_14;
}

}  // namespace pgphase
