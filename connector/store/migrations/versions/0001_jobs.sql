-- What the job engine needs beyond procrastinate's own schema.

-- Every fetch asks, for each waiting job, whether its lock is taken or has an earlier waiter.
CREATE INDEX tasuki_jobs_lock_idx ON procrastinate_jobs (lock, priority DESC, id)
    WHERE status IN ('todo', 'doing');

-- A queue's tables are all churn: vacuum by the number of dead rows, not by a share of the living.
ALTER TABLE procrastinate_jobs SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
ALTER TABLE procrastinate_events SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);


-- When somebody last looked at everything: however many workers there are, one look each time is enough. A row and not
-- a lock, which a frozen worker would keep.
CREATE UNLOGGED TABLE tasuki_look (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), at timestamptz NOT NULL);

-- True for the first that asks when the last look is so old (or lies ahead: the server's clock was set back).
CREATE FUNCTION tasuki_may_look(p_seconds double precision) RETURNS boolean
    LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tasuki_look (at) VALUES (clock_timestamp())
    ON CONFLICT (only_row) DO UPDATE SET at = excluded.at
    WHERE tasuki_look.at <= excluded.at - make_interval(secs => p_seconds) OR tasuki_look.at > excluded.at;
    RETURN FOUND;
END;
$$;


-- Wakes every worker that could take a job of this queue, at commit.
CREATE FUNCTION tasuki_wake_workers(queue_name text, job_id bigint) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    payload text := json_build_object('type', 'job_inserted', 'job_id', job_id)::text;
BEGIN
    PERFORM pg_notify('procrastinate_queue_v1#' || queue_name, payload);
    PERFORM pg_notify('procrastinate_any_queue_v1', payload);
END;
$$;


-- procrastinate announces a job when it is inserted, while its lock may still be held; nobody announces
-- that the lock is free. This does, for the waiter.
CREATE FUNCTION tasuki_lock_released() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tasuki_wake_workers(OLD.queue_name, OLD.id);
    RETURN NULL;
END;
$$;

CREATE TRIGGER tasuki_lock_released_by_update
    AFTER UPDATE OF status ON procrastinate_jobs
    FOR EACH ROW WHEN (OLD.lock IS NOT NULL AND OLD.status = 'doing' AND NEW.status <> 'doing')
    EXECUTE FUNCTION tasuki_lock_released();

CREATE TRIGGER tasuki_lock_released_by_delete
    AFTER DELETE ON procrastinate_jobs
    FOR EACH ROW WHEN (OLD.lock IS NOT NULL AND OLD.status = 'doing')
    EXECUTE FUNCTION tasuki_lock_released();


-- Defer a job unless one with the same queueing lock already waits; returns the waiting job's id.
-- Never fails on the collision, so it may be the last statement of any transaction.
--
-- A waiting job counts only if it starts after this transaction commits: otherwise it would look,
-- see nothing of what we are about to commit, and end. The key-share lock keeps workers from fetching
-- it (they skip locked rows) until we have committed, and the wake sends them to look again.
CREATE FUNCTION tasuki_defer_once(
    p_queue text,
    p_task text,
    p_lock text,
    p_queueing_lock text,
    p_args jsonb DEFAULT '{}',
    p_priority integer DEFAULT 0
) RETURNS bigint
    LANGUAGE plpgsql AS $$
DECLARE
    job_id bigint;
BEGIN
    LOOP
        INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, priority)
        VALUES (p_queue, p_task, p_lock, p_queueing_lock, p_args, p_priority)
        ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
        RETURNING id INTO job_id;
        IF FOUND THEN
            RETURN job_id;
        END IF;

        SELECT id INTO job_id FROM procrastinate_jobs
        WHERE queueing_lock = p_queueing_lock AND status = 'todo'
        FOR KEY SHARE;
        IF FOUND THEN
            PERFORM tasuki_wake_workers(p_queue, job_id);
            RETURN job_id;
        END IF;
        -- it was fetched between the two statements: ours is needed after all
    END LOOP;
END;
$$;


-- End a job that nobody works on and defer it anew. Never procrastinate's retry: with a waiter queued it
-- violates the queueing lock's unique index, the job stays 'doing', and its lock is taken for ever.
-- From the third death in a row on (attempts travel along), the lock rests before its next try, so that a
-- job that kills its worker each time does not take the others down with it.
CREATE FUNCTION tasuki_restart_job(p_job procrastinate_jobs, p_deaths integer) RETURNS bigint
    LANGUAGE plpgsql AS $$
DECLARE
    rest_seconds double precision := CASE WHEN p_deaths < 3 THEN 0 ELSE least(900, 15 * 2 ^ (p_deaths - 3)) END;
    new_id bigint;
BEGIN
    UPDATE procrastinate_jobs SET status = 'failed', abort_requested = false, attempts = p_deaths
    WHERE id = p_job.id;

    new_id := tasuki_defer_once(p_job.queue_name, p_job.task_name, p_job.lock, p_job.queueing_lock,
                                p_job.args, p_job.priority);
    IF p_deaths > 0 THEN
        UPDATE procrastinate_jobs
        SET attempts = greatest(attempts, p_deaths),
            scheduled_at = CASE WHEN rest_seconds > 0 THEN now() + make_interval(secs => rest_seconds)
                           ELSE scheduled_at END
        WHERE id = new_id;
    END IF;
    RETURN new_id;
END;
$$;


-- Restart the jobs of workers that have not been heard of for a while. Any number of workers may call
-- this at once: each job is restarted by one of them. Just after the server's own start everyone's last
-- word is old, and says nothing.
CREATE FUNCTION tasuki_rescue_stalled(stale_seconds double precision)
    RETURNS TABLE (job_id bigint, new_job_id bigint, task text, deaths integer)
    LANGUAGE plpgsql AS $$
DECLARE
    stale_before timestamptz := clock_timestamp() - make_interval(secs => stale_seconds);
    job procrastinate_jobs;
BEGIN
    FOR job IN
        SELECT j.* FROM procrastinate_jobs j
        LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
        WHERE j.status = 'doing'
          AND (w.id IS NULL OR (w.last_heartbeat < stale_before AND pg_postmaster_start_time() < stale_before))
        ORDER BY j.id
        FOR UPDATE OF j SKIP LOCKED
    LOOP
        job_id := job.id; task := job.task_name; deaths := job.attempts + 1;
        new_job_id := tasuki_restart_job(job, deaths);
        RETURN NEXT;
    END LOOP;
END;
$$;


-- Restart what one worker holds and does not work on: all of it (p_ids null) when that worker has ended,
-- some of it when an answer of ours to "give me a job" or "this one is done" was lost on the way.
CREATE FUNCTION tasuki_hand_back(p_worker_id bigint, p_ids bigint[] DEFAULT NULL) RETURNS integer
    LANGUAGE plpgsql AS $$
DECLARE
    job procrastinate_jobs;
    handed_back integer := 0;
BEGIN
    FOR job IN
        SELECT j.* FROM procrastinate_jobs j
        WHERE j.status = 'doing' AND j.worker_id = p_worker_id AND (p_ids IS NULL OR j.id = ANY (p_ids))
        ORDER BY j.id
        FOR UPDATE OF j SKIP LOCKED
    LOOP
        PERFORM tasuki_restart_job(job, job.attempts);
        handed_back := handed_back + 1;
    END LOOP;
    IF p_ids IS NULL THEN
        DELETE FROM procrastinate_workers WHERE id = p_worker_id;
    END IF;
    RETURN handed_back;
END;
$$;


-- Forget failed jobs but the newest of each task and lock, and workers that left without a word.
CREATE FUNCTION tasuki_sweep_jobs() RETURNS void
    LANGUAGE sql AS $$
    DELETE FROM procrastinate_jobs old
    USING procrastinate_jobs newer
    WHERE old.status IN ('failed', 'aborted', 'cancelled') AND newer.status IN ('failed', 'aborted', 'cancelled')
      AND newer.task_name = old.task_name AND newer.lock IS NOT DISTINCT FROM old.lock AND newer.id > old.id;
    DELETE FROM procrastinate_workers w
    WHERE w.last_heartbeat < now() - interval '1 hour'
      AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j WHERE j.worker_id = w.id AND j.status = 'doing');
$$;
