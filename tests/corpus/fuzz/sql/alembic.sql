BEGIN;

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 1975ea83b712

CREATE TABLE tasks (
    id SERIAL NOT NULL, 
    title VARCHAR(200) NOT NULL, 
    description TEXT, 
    completed BOOLEAN DEFAULT false NOT NULL, 
    user_id TEXT NOT NULL, 
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
    PRIMARY KEY (id)
);

CREATE INDEX idx_tasks_user_id ON tasks (user_id);

CREATE INDEX idx_tasks_created_at ON tasks (created_at);

INSERT INTO alembic_version (version_num) VALUES ('1975ea83b712') RETURNING alembic_version.version_num;

-- Running upgrade 1975ea83b712 -> ae1027a6acf4

ALTER TABLE tasks ADD COLUMN priority SMALLINT;

UPDATE tasks SET priority = CASE WHEN completed THEN 9 ELSE 3 END;

ALTER TABLE tasks ALTER COLUMN priority SET NOT NULL;

CREATE INDEX idx_tasks_priority ON tasks (user_id, priority DESC);

UPDATE alembic_version SET version_num='ae1027a6acf4' WHERE alembic_version.version_num = '1975ea83b712';

-- Running upgrade ae1027a6acf4 -> 27c6a30d7c24

CREATE TABLE users (
    id TEXT NOT NULL, 
    email VARCHAR(320), 
    PRIMARY KEY (id), 
    CONSTRAINT uq_users_email UNIQUE (email)
);

ALTER TABLE tasks ADD CONSTRAINT fk_tasks_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE;

UPDATE alembic_version SET version_num='27c6a30d7c24' WHERE alembic_version.version_num = 'ae1027a6acf4';

-- Running upgrade 27c6a30d7c24 -> 5b8e0a9f1d3c

ALTER TABLE tasks ALTER COLUMN id TYPE BIGINT;

ALTER TABLE tasks ALTER COLUMN description SET DEFAULT '';

ALTER TABLE tasks ADD CONSTRAINT ck_tasks_title CHECK (length(title) > 0);

UPDATE alembic_version SET version_num='5b8e0a9f1d3c' WHERE alembic_version.version_num = '27c6a30d7c24';

COMMIT;

