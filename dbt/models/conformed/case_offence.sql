-- A list in SQL and not a dbt seed: a seed is emptied and filled again at every build, and another city's
-- build at that moment would find no codes and count every case as "other".
with final as (
    select *
    from
        values
        -- A1 violence; class 04 is to be confirmed by the police
        ('040101', '故意杀人案', 'homicide', false, ''),
        ('040103', '故意伤害案', 'wounding', false, 'serious or minor by the injuries recorded'),
        ('040105', '强奸案', 'robbery_rape', false, ''),
        ('040106', '奸淫幼女案', 'robbery_rape', false, 'retired code; older databases still hold it'),
        ('040110', '绑架案', 'robbery_rape', false, 'severity of robbery taken'),
        ('050100', '抢劫案', 'robbery_rape', true, ''),
        -- A2 property
        ('020203', '破坏电力设备案', 'theft_fraud', true, 'oil field: power cables stolen'),
        ('020205', '破坏易燃易爆设备案', 'theft_fraud', true, 'oil field: pipelines tapped'),
        ('050200', '盗窃案', 'theft_fraud', true, ''),
        ('050300', '诈骗案', 'theft_fraud', true, 'telecom fraud is told by its tag'),
        ('050400', '抢夺案', 'theft_fraud', true, ''),
        ('050600', '职务侵占案', 'theft_fraud', true, 'oil field: theft by staff'),
        ('050800', '敲诈勒索案', 'theft_fraud', true, ''),
        ('050900', '故意毁坏财物案', 'theft_fraud', true, ''),
        ('051000', '破坏生产经营案', 'theft_fraud', true, ''),
        ('051100', '聚众哄抢案', 'theft_fraud', true, 'oil field: looting by crowds'),
        ('060257', '掩饰、隐瞒犯罪所得、犯罪所得收益案', 'theft_fraud', true, 'oil field: stolen crude bought'),
        -- A4 public order
        ('060101', '妨害公务案', 'public_order', true, ''),
        ('060132', '聚众扰乱社会秩序案', 'public_order', true, ''),
        ('060136', '聚众斗殴案', 'public_order', true, ''),
        ('060137', '寻衅滋事案', 'public_order', true, ''),
        ('060151', '开设赌场案', 'gambling', true, ''),
        ('060197', '赌博案', 'gambling', true, ''),
        -- counted elsewhere or nowhere
        ('020101', '放火案', 'other', true, 'arson: the fire and the people hurt are counted in B3'),
        ('020111', '失火案', 'other', true, 'people hurt are counted in B3'),
        ('020703', '交通肇事案', 'other', true, 'people hurt are counted in B1'),
        ('020711', '重大劳动安全事故案', 'other', true, 'people hurt are counted in B4'),
        ('020712', '危险物品肇事案', 'other', true, 'people hurt are counted in B4'),
        ('020713', '工程重大安全事故案', 'other', true, 'people hurt are counted in B4'),
        ('020715', '消防责任事故案', 'other', true, 'people hurt are counted in B3'),
        ('051200', '拒不支付劳动报酬案', 'other', true, ''),
        ('060634', '非法采矿案', 'other', true, ''),
        ('060702', '贩卖毒品案', 'other', true, ''),
        ('060740', '引诱、教唆、强迫他人吸毒案', 'other', true, '')
            as listed (case_code, name_zh, offence_code, is_confirmed, remark)
)

select * from final
