// The queries of a snapshot, one a family of objects, each a constant in the file of its kind. A family answers with
//
//   class, oid, sub id, kind, name, fact, fact, …        one row an object; NULL: that fact is at its default
//
// and Notes with facts about objects that a family has answered with:
//
//   class, oid, sub id, fact, text
//
// Rows of several families with the same kind and name are one object. All of them run behind k_common. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgphase {

struct Family {
  std::string_view sql;
  std::vector<std::string_view> facts;  // names of the columns behind `name`
};

// The WITH list that each query begins with. `rel`: the relations that count, with their names; `hidden`: columns that
// pgphase has put beside the user's; `uses_hidden`: what depends on such a column.
extern const std::string_view k_common;

// A condition: false for a type or a sequence that nothing needs but what pgphase has put out of sight; a rollback has
// left it there for that. `class_name`: "pg_type", "pg_class"; `oids`: SQL, of the object and its array type.
std::string in_sight(std::string_view class_name, std::string_view oids);

// In the order in which they run.
std::vector<Family> families(int server_version);
std::vector<std::string_view> notes(int server_version);

// --- one file each
// -----------------------------------------------------------------------------------------------------------

Family database();
Family schemas();
Family extensions();
Family relations();
Family sequences();
Family columns();
Family indexes();
Family constraints();
Family statistics();
Family triggers();
Family rules();
Family policies();
Family event_triggers();
Family functions();
Family aggregates();
Family enums();
Family domains();
Family ranges();
Family composite_types();
Family base_types();
Family publications(int server_version);
Family foreign_data_wrappers();
Family foreign_servers();
Family default_privileges();

std::string_view publication_members(int server_version);
std::string_view database_settings();
std::string_view comments();
std::string_view security_labels();
std::string_view privileges();

}  // namespace pgphase
