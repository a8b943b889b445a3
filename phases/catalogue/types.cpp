#include "phases/catalogue/family.hpp"

namespace pgphase {

Family enums() {
  static const std::string sql = std::string(R"sql(
SELECT 'pg_type'::regclass::oid, t.oid, 0, 'enum', format('%I.%I', n.nspname, t.typname),
       pg_get_userbyid(t.typowner),
       (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)
  FROM pg_type t JOIN kept n ON n.oid = t.typnamespace
 WHERE t.typtype = 'e'
   AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
   AND )sql") +
                                 in_sight("pg_type", "t.oid, t.typarray");
  return {sql,
          {"owner", "labels"}};
}

// From 17 on NOT NULL of a domain is a constraint too.
Family domains() {
  static const std::string sql = std::string(R"sql(
SELECT 'pg_type'::regclass::oid, t.oid, 0, 'domain', format('%I.%I', n.nspname, t.typname),
       pg_get_userbyid(t.typowner),
       format_type(t.typbasetype, t.typtypmod),
       CASE WHEN t.typnotnull THEN 'no' ELSE 'yes' END,
       t.typdefault,
       (SELECT format('%I.%I', cn.nspname, co.collname) FROM pg_collation co
          JOIN pg_namespace cn ON cn.oid = co.collnamespace JOIN pg_type b ON b.oid = t.typbasetype
         WHERE co.oid = t.typcollation AND t.typcollation <> b.typcollation),
       (SELECT string_agg(format('%I %s', k.conname, pg_get_constraintdef(k.oid)), ', ' ORDER BY k.conname)
          FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c')
  FROM pg_type t JOIN kept n ON n.oid = t.typnamespace
 WHERE t.typtype = 'd'
   AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
   AND )sql") +
                                 in_sight("pg_type", "t.oid, t.typarray");
  return {sql,
          {"owner", "type", "nullable", "default", "collation", "constraints"}};
}

Family ranges() {
  static const std::string sql = std::string(R"sql(
SELECT 'pg_type'::regclass::oid, t.oid, 0, 'range type', format('%I.%I', n.nspname, t.typname),
       pg_get_userbyid(t.typowner),
       format_type(r.rngsubtype, NULL),
       (SELECT format('%I', opcname) FROM pg_opclass WHERE oid = r.rngsubopc),
       (SELECT format('%I', collname) FROM pg_collation WHERE oid = r.rngcollation),
       CASE WHEN r.rngcanonical <> 0 THEN r.rngcanonical END,
       CASE WHEN r.rngsubdiff <> 0 THEN r.rngsubdiff END,
       format_type(r.rngmultitypid, NULL)
  FROM pg_type t JOIN pg_range r ON r.rngtypid = t.oid JOIN kept n ON n.oid = t.typnamespace
 WHERE t.typtype = 'r'
   AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
   AND )sql") +
                                 in_sight("pg_type", "t.oid, t.typarray");
  return {sql,
          {"owner", "of", "operator class", "collation", "canonical", "difference", "multirange"}};
}

// What is in it stands with the columns.
Family composite_types() {
  return {R"sql(
SELECT 'pg_type'::regclass::oid, c.reltype, 0, 'composite type', c.name, pg_get_userbyid(c.relowner)
  FROM rel c WHERE c.relkind = 'c'
)sql",
          {"owner"}};
}

// Those of C programmers; not the array type that every type has.
Family base_types() {
  return {R"sql(
SELECT 'pg_type'::regclass::oid, t.oid, 0, 'type', format('%I.%I', n.nspname, t.typname),
       pg_get_userbyid(t.typowner), t.typinput, t.typoutput, t.typlen, t.typstorage
  FROM pg_type t JOIN kept n ON n.oid = t.typnamespace
 WHERE t.typtype = 'b' AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
   AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
)sql",
          {"owner", "input", "output", "length", "storage"}};
}

}  // namespace pgphase
