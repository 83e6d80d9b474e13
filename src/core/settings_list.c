/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lists of cordon.yaml: what becomes of an item, and how it is written back.
 */
#include "core/settings_options.h"

#include <errno.h>

/* --- services: a list in the file, bits in memory ------------------------------- */

static bool get_service(uint32_t bits, unsigned i, enum service *ret)
{
	if (bits == SERVICE_ALL)
		return false; /* all is what no list at all means */
	for (enum service s = SERVICE_SSH; s < SERVICE_COUNT; s++) {
		if (!(bits & SERVICE_BIT(s)) || i--)
			continue;
		if (ret)
			*ret = s;
		return true;
	}
	return false;
}

/* --- sensors ---------------------------------------------------------------------- */

static void clear_sensor_services(void *parent)
{
	((struct sensor_item *)parent)->sensor.services = 0;
}

static int add_sensor_service(void *parent, const void *item, struct err *err)
{
	(void)err;
	((struct sensor_item *)parent)->sensor.services |= SERVICE_BIT(*(const enum service *)item);
	return 0;
}

static bool get_sensor_service(const void *parent, unsigned i, void *ret_item)
{
	return get_service(((const struct sensor_item *)parent)->sensor.services, i, ret_item);
}

const struct config_list settings_list_sensor_services = {
	.item_size = sizeof(enum service),
	.clear = clear_sensor_services,
	.add = add_sensor_service,
	.get = get_sensor_service,
};

static void clear_sensors(void *parent)
{
	struct settings *s = parent;
	s->sensor_count = 0;
	s->sensors_auto = s->sensors_merge = false;
}

static int add_sensor(void *parent, const void *item, struct err *err)
{
	struct settings *s = parent;
	const struct sensor_item *i = item;
	int kinds = i->automatic + i->journal.use + (i->sensor.path[0] != '\0');
	if (kinds != 1)
		return err_set(err, -EINVAL,
			"one of \"auto: true\", \"file\" and \"journal\" is expected");
	s->sensors_merge |= i->merge;
	if (i->automatic) {
		if (i->sensor.services || i->sensor.timezone[0] || i->sensor.from_start)
			return err_set(err, -EINVAL, "\"auto\" takes no other options");
		s->sensors_auto = true;
		return 0;
	}
	if (s->sensor_count == SETTINGS_SENSORS_MAX)
		return err_set(err, -EINVAL, "more than %u sensors", SETTINGS_SENSORS_MAX);
	struct sensor_settings *to = &s->sensors[s->sensor_count++];
	*to = i->sensor;
	if (i->journal.use) {
		to->kind = SENSOR_JOURNAL;
		memcpy(to->path, i->journal.directory, sizeof(to->path));
	}
	if (!to->services)
		to->services = SERVICE_ALL;
	return 0;
}

static bool get_sensor(const void *parent, unsigned i, void *ret_item)
{
	const struct settings *s = parent;
	bool automatic = s->sensors_auto && i == 0;
	unsigned n = i - s->sensors_auto;
	if (!automatic && n >= s->sensor_count)
		return false;
	struct sensor_item *to = ret_item;
	if (!to)
		return true;
	*to = (struct sensor_item){.automatic = automatic, .merge = s->sensors_merge};
	if (automatic)
		return true;
	to->sensor = s->sensors[n];
	if (to->sensor.kind == SENSOR_JOURNAL) {
		to->journal.use = true;
		memcpy(to->journal.directory, to->sensor.path, sizeof(to->journal.directory));
		to->sensor.path[0] = '\0';
	}
	return true;
}

const struct config_list settings_list_sensors = {
	.item_size = sizeof(struct sensor_item),
	.clear = clear_sensors,
	.add = add_sensor,
	.get = get_sensor,
};

/* --- listeners -------------------------------------------------------------------- */

static void clear_listeners(void *parent)
{
	((struct settings *)parent)->listener_count = 0;
}

static int add_listener(void *parent, const void *item, struct err *err)
{
	struct settings *s = parent;
	const struct listener_settings *l = item;
	if (!l->certificate[0] != !l->key[0])
		return err_set(err, -EINVAL, "\"certificate\" and \"key\" belong together");
	if (s->listener_count == SETTINGS_LISTENERS_MAX)
		return err_set(err, -EINVAL, "more than %u listeners", SETTINGS_LISTENERS_MAX);
	s->listen[s->listener_count++] = *l;
	return 0;
}

static bool get_listener(const void *parent, unsigned i, void *ret_item)
{
	const struct settings *s = parent;
	if (i >= s->listener_count)
		return false;
	if (ret_item)
		*(struct listener_settings *)ret_item = s->listen[i];
	return true;
}

const struct config_list settings_list_listeners = {
	.item_size = sizeof(struct listener_settings),
	.clear = clear_listeners,
	.add = add_listener,
	.get = get_listener,
};

/* --- rules ------------------------------------------------------------------------ */

static void clear_rule_services(void *parent)
{
	((struct rule *)parent)->services = 0;
}

static int add_rule_service(void *parent, const void *item, struct err *err)
{
	(void)err;
	((struct rule *)parent)->services |= SERVICE_BIT(*(const enum service *)item);
	return 0;
}

static bool get_rule_service(const void *parent, unsigned i, void *ret_item)
{
	return get_service(((const struct rule *)parent)->services, i, ret_item);
}

const struct config_list settings_list_rule_services = {
	.item_size = sizeof(enum service),
	.clear = clear_rule_services,
	.add = add_rule_service,
	.get = get_rule_service,
};

static void clear_rules(void *parent)
{
	((struct settings *)parent)->rule_count = 0;
}

static int add_rule(void *parent, const void *item, struct err *err)
{
	struct settings *s = parent;
	const struct rule *rule = item;
	if (!rule->name[0])
		return err_set(err, -EINVAL, "\"name\" is empty");
	for (unsigned i = 0; i < s->rule_count; i++)
		if (strcmp(s->rules[i].name, rule->name) == 0)
			return err_set(err, -EINVAL, "another rule has the same name");
	if (s->rule_count == SETTINGS_RULES_MAX)
		return err_set(err, -EINVAL, "more than %u rules", SETTINGS_RULES_MAX);
	struct rule *to = &s->rules[s->rule_count++];
	*to = *rule;
	to->source = RULE_USER;
	to->is_default = to->enabled = true;
	if (!to->services)
		to->services = SERVICE_ALL;
	return 0;
}

static bool get_rule(const void *parent, unsigned i, void *ret_item)
{
	const struct settings *s = parent;
	if (i >= s->rule_count)
		return false;
	if (ret_item)
		*(struct rule *)ret_item = s->rules[i];
	return true;
}

const struct config_list settings_list_rules = {
	.item_size = sizeof(struct rule),
	.clear = clear_rules,
	.add = add_rule,
	.get = get_rule,
};

/* --- the allow-list --------------------------------------------------------------- */

static void clear_allow(void *parent)
{
	((struct settings *)parent)->allow_count = 0;
}

static int add_allow(void *parent, const void *item, struct err *err)
{
	struct settings *s = parent;
	const struct prefix *p = item;
	if (p->len == 0 || (addr_is_v4(&p->addr) && p->len <= 96))
		return err_set(err, -EINVAL, "that is everybody; \"observe: true\" blocks nobody");
	if (s->allow_count == SETTINGS_ALLOW_MAX)
		return err_set(err, -EINVAL, "more than %u prefixes", SETTINGS_ALLOW_MAX);
	s->allow[s->allow_count++] = *p;
	return 0;
}

static bool get_allow(const void *parent, unsigned i, void *ret_item)
{
	const struct settings *s = parent;
	if (i >= s->allow_count)
		return false;
	if (ret_item)
		*(struct prefix *)ret_item = s->allow[i];
	return true;
}

const struct config_list settings_list_allow = {
	.item_size = sizeof(struct prefix),
	.clear = clear_allow,
	.add = add_allow,
	.get = get_allow,
};
